"""Run a stage or command: log lines on stderr, one message for a UserError, and its time."""

import logging
import sys
from collections.abc import Callable

from herodex.errors import UserError
from herodex.stage_times import timed
from herodex.tensorflow_log import quieten_tensorflow


def run_command(main: Callable[[], None]) -> None:
    """Run `main` with logging to stderr; exit with 1 after a UserError, with 130 after Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for verbose in ("alembic", "botocore", "httpx", "PIL", "tensorflow"):
        logging.getLogger(verbose).setLevel(logging.WARNING)
    quieten_tensorflow()
    try:
        with timed("stage"):
            main()
    except UserError as error:
        sys.stderr.write(f"error: {error.problem}\n  fix: {error.hint}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        raise SystemExit(130) from None
