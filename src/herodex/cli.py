"""The command `herodex`: what one asks of runs and models, beside the pipeline itself."""

import argparse
import sys
from pathlib import Path

from herodex.command import run_command
from herodex.errors import UserError

MODELS = ("classifier", "generator")


def main() -> None:
    """Run one of the commands."""
    run_command(run)


def run() -> None:
    """Read the command line, and do what it says. Each command imports only what it needs."""
    options = parse(sys.argv[1:])
    match options.command:
        case "trace":
            trace(options)
        case "promote":
            promote(options)
        case "rollback":
            from herodex.lineage.promote import rollback

            for name in options.models or MODELS:
                sys.stdout.write(f"{rollback(name)}\n")
        case "bento":
            from herodex.lineage.package import build_bento

            build_bento(versions(options.models))
        case _:
            from herodex.tracking import send_pending

            if not send_pending():
                raise SystemExit(1)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the arguments of a command."""
    parser = argparse.ArgumentParser(prog="herodex", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    tracing = commands.add_parser("trace", help="show what something comes from, and where it went")
    tracing.add_argument(
        "end", help="a model's or image's sha256, a run's id, a bento's tag, a name, or an image file"
    )
    promoting = commands.add_parser(
        "promote", help="make a model champion if it is better by more than chance"
    )
    promoting.add_argument(
        "models", nargs="*", help="classifier, generator, or one with its version: classifier=3"
    )
    back = commands.add_parser("rollback", help="make the champion that was it before")
    back.add_argument(
        "models", nargs="*", choices=(*MODELS, []), help="classifier or generator; both by default"
    )
    packing = commands.add_parser("bento", help="package the champions, or models that are named")
    packing.add_argument("models", nargs="*", help="classifier=3, or generator=folder for what is in models/")
    commands.add_parser("send", help="send runs to MLflow that it has not taken yet")
    return parser.parse_args(arguments)


def versions(models: list[str]) -> dict[str, str]:
    """Read `classifier=3`, or `folder` for what is in `models/`, as the version of each model.

    Raises:
        UserError: it is none of these.
    """
    wanted: dict[str, str] = {}
    for model in models:
        name, _, version = model.partition("=")
        if model == "folder":
            wanted |= dict.fromkeys(MODELS, model)
        elif name in MODELS:
            wanted[name] = version
        else:
            raise UserError(
                f"'{model}' is no model.", "Give classifier or generator, with a version: classifier=3."
            )
    return wanted


def trace(options: argparse.Namespace) -> None:
    """Print where something comes from, and of an image's file, what it is most like."""
    from herodex.lineage.trace import gather, trace
    from herodex.lineage.tree import render

    known = gather()
    if Path(options.end).is_file():
        from herodex.lineage.similar_images import trace_answer
        from herodex.params import load_params

        sys.stdout.write(render(trace_answer(Path(options.end), known.images, load_params(), most=3)))
    else:
        sys.stdout.write(render(trace(options.end, known)))


def promote(options: argparse.Namespace) -> None:
    """Compare challengers with champions, and print what came of it."""
    from herodex.lineage.promote import promote
    from herodex.params import load_params

    seed = load_params().seed
    for name, version in (versions(options.models) or dict.fromkeys(MODELS, "")).items():
        sys.stdout.write(f"{promote(name, seed, version or None)}\n")
