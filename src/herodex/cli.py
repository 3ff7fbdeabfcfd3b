"""The command `herodex`: what one asks of runs and models, beside the pipeline itself."""

import argparse
import sys

from herodex.command import run_command
from herodex.tracking import send_pending


def main() -> None:
    """Run one of the commands."""
    run_command(run)


def run() -> None:
    """Read the command line, and do what it says."""
    parser = argparse.ArgumentParser(prog="herodex", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("send", help="send runs to MLflow that it has not taken yet")
    options = parser.parse_args()
    if options.command == "send" and not send_pending():
        sys.exit(1)
