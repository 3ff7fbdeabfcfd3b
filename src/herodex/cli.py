"""The `herodex` command: trace, promote, roll back, package and verify models."""

import argparse
import sys
from pathlib import Path

from herodex.command import run_command
from herodex.errors import UserError

MODELS = ("classifier", "generator")
SERVICE = "http://localhost:3000"


def main() -> None:
    """Run the command line."""
    run_command(run)


def run() -> None:
    """Parse the arguments and run the command; each command imports only what it needs."""
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

            build_bento(versions(options.models), options.sign)
        case "verify":
            from herodex.lineage.verify import verify

            sys.stdout.write(f"{verify(options.target, options.key)}\n")
        case "status":
            from herodex.lineage.status import describe, gather

            sys.stdout.write(f"{describe(gather(options.service))}\n")
        case _:
            from herodex.tracking import send_pending

            if not send_pending():
                raise SystemExit(1)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="herodex", description="Trace, promote, package and verify the models of this project."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")

    tracing = add("trace", "show the sources and uses of a model, run, bento, image or name")
    tracing.add_argument(
        "key",
        help="a model's or image's sha256, a run's id (6 digits are enough), a bento's tag, a name, or an "
        "image file",
    )
    promoting = add("promote", "make a model champion if it is significantly better than the champion")
    promoting.add_argument(
        "models",
        nargs="*",
        help="classifier, generator or a version such as classifier=3; by default both models in models/",
    )
    back = add("rollback", "make the previous champion the champion again")
    back.add_argument(
        "models", nargs="*", choices=(*MODELS, []), help="classifier or generator; by default both"
    )
    packing = add("bento", "package the champions or other versions into a bento")
    packing.add_argument(
        "models",
        nargs="*",
        help="a version such as classifier=3, generator=folder for the model in models/, or folder for both "
        "models there; by default the champions",
    )
    packing.add_argument(
        "--sign", type=Path, metavar="KEY", help="sign the bento with this private key (PEM)"
    )
    verifying = add("verify", "check every file of a bento or project against its statement of provenance")
    verifying.add_argument("target", help="a bento's tag, its folder, or a project's folder")
    verifying.add_argument(
        "--key", type=Path, metavar="KEY", help="also check the signature, with the signer's public key (PEM)"
    )
    asking = add(
        "status", "show the age of data and models, what has changed, what is in use, and the next step"
    )
    asking.add_argument(
        "--service",
        default=SERVICE,
        metavar="URL",
        help=f"the service to ask for its models (default {SERVICE})",
    )
    add("send", "send waiting runs to MLflow")
    return parser.parse_args(arguments)


def versions(models: list[str]) -> dict[str, str]:
    """Parse arguments such as `classifier=3` or `folder` into the version of each model.

    Raises:
        UserError: an argument names no model.
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
                f"'{model}' is no model.", "Give classifier or generator, or a version: classifier=3."
            )
    return wanted


def trace(options: argparse.Namespace) -> None:
    """Print the trace of a key, or the answer and similar images for an image file."""
    from herodex.lineage.trace import gather, trace
    from herodex.lineage.tree import render

    known = gather()
    if Path(options.key).is_file():
        from herodex.lineage.similar_images import trace_answer
        from herodex.params import load_params

        sys.stdout.write(render(trace_answer(Path(options.key), known.images, load_params(), most=3)))
    else:
        sys.stdout.write(render(trace(options.key, known)))


def promote(options: argparse.Namespace) -> None:
    """Compare challengers with champions and print the results."""
    from herodex.lineage.promote import promote
    from herodex.params import load_params

    seed = load_params().seed
    for name, version in (versions(options.models) or dict.fromkeys(MODELS, "")).items():
        sys.stdout.write(f"{promote(name, seed, version or None)}\n")
