"""The `herodex` command: trace, promote, roll back and package models, and crawl images."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from herodex.command import run_command
from herodex.errors import UserError

MODELS = ("classifier", "generator")
JOB_INDEX = "JOB_COMPLETION_INDEX"
"""The environment variable in which an Indexed Job of Kubernetes numbers its pods from 0."""


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

            build_bento(versions(options.models))
        case "crawl":
            crawl(options)
        case _:
            from herodex.tracking import send_pending

            if not send_pending():
                raise SystemExit(1)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="herodex",
        description="Trace, promote and package the models of this project, and crawl its images.",
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
    add_crawl(add)
    add("send", "send waiting runs to MLflow")
    return parser.parse_args(arguments)


def add_crawl(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the command `crawl` and its options, of which a call has one at most."""
    crawling = add("crawl", "crawl images, in one process or in several that share a folder")
    parts = crawling.add_mutually_exclusive_group()
    parts.add_argument(
        "--search",
        nargs="*",
        metavar="SOURCE",
        help="first, search the sources of this crawl, or those that are named, each in one process",
    )
    parts.add_argument(
        "--shard",
        nargs="?",
        const="",
        metavar="I/N",
        help="then, download the images of shard I of the N = scale.crawl_shards, or of a range such as "
        f"0-31/64; without a value, of the shard that {JOB_INDEX} names",
    )
    parts.add_argument("--merge", action="store_true", help="at last, write the images of all shards")


def crawl(options: argparse.Namespace) -> None:
    """Crawl images in this process alone, or do one part of a crawl in several processes.

    Raises:
        UserError: `--shard` has no value, and the environment has none.
    """
    # The crawl belongs to the project's folder, not to the installed package.
    sys.path.insert(0, str(Path.cwd()))
    from crawlers import scrape_images, sharded_crawl
    from herodex.params import load_params

    shards = options.shard
    if shards == "":
        if not (index := os.environ.get(JOB_INDEX)):
            raise UserError(
                f"--shard names no shard, and {JOB_INDEX} is not set.",
                "Write --shard 0/64, or run it as an Indexed Job of Kubernetes.",
            )
        shards = f"{index}/{load_params().scale.crawl_shards}"
    if options.search is None and shards is None and not options.merge:
        scrape_images.main()
    else:
        sharded_crawl.main(options.search, shards)


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


if __name__ == "__main__":
    main()
