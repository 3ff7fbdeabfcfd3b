"""The `herodex` command: use, trace, promote, package and export models; crawl images."""

import argparse
import io
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
    # A terminal's encoding may lack characters of names; a reader such as `head` may have enough.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        run_command(run)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes the stream again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def run() -> None:
    """Parse the arguments and run the command; each command imports only what it needs."""
    options = parse(sys.argv[1:])
    match options.command:
        case "classify":
            classify(options)
        case "names":
            names(options)
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
        case "export":
            from herodex.portable.export_models import export_models

            export_models(options.to, options.out, options.check)
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
        description="Use, trace, promote, package and export the models of this project; crawl its images.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")

    classifying = add("classify", "classify images in files and folders")
    classifying.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="an image, or a folder of images at any depth"
    )
    classifying.add_argument("--csv", type=Path, metavar="FILE", help="write the answers to a CSV table")
    classifying.add_argument("--json", action="store_true", help="print a line of JSON for each image")
    inventing = add("names", "invent names")
    inventing.add_argument("--count", type=int, default=10, help="number of names (default: 10)")
    inventing.add_argument(
        "--temperature", type=float, default=0.8, help="0.5 to 5; lower is likelier (default: 0.8)"
    )
    inventing.add_argument("--seed", type=int, help="the same seed gives the same names; default: random")
    inventing.add_argument(
        "--start", "--prefix", default="", metavar="TEXT", help="what the names start with"
    )
    inventing.add_argument("--json", action="store_true", help="print the answer of the service")
    for using in (classifying, inventing):
        place = using.add_mutually_exclusive_group()
        place.add_argument("--models", type=Path, metavar="FOLDER", help="use the models in this folder")
        place.add_argument("--bento", metavar="TAG", help="use the models of a bento: its tag or folder")

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
    exporting = add("export", "write both models as files of another runtime, checked against served answers")
    exporting.add_argument(
        "--to", required=True, choices=("onnx", "litert", "keras", "openvino"), help="format"
    )
    exporting.add_argument("--out", required=True, type=Path, help="folder to write to")
    exporting.add_argument(
        "--check",
        type=int,
        default=100,
        help="test images whose answers are compared; 0: none (default: 100)",
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


def classify(options: argparse.Namespace) -> None:
    """Classify images; exit with 1 if none has an answer."""
    from herodex.local.classify import classify
    from herodex.local.models import open_models

    if not classify(open_models(options.models, options.bento), options.paths, options.csv, options.json):
        raise SystemExit(1)


def names(options: argparse.Namespace) -> None:
    """Print invented names."""
    from herodex.local.models import open_models
    from herodex.local.names import invent

    models = open_models(options.models, options.bento)
    invent(models, options.count, options.temperature, options.seed, options.start, options.json)


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
