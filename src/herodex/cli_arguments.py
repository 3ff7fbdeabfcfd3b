"""The arguments of the `herodex` command."""

import argparse
from collections.abc import Callable
from pathlib import Path

from herodex.forgotten_list import KINDS

MODELS = ("classifier", "generator")
JOB_INDEX = "JOB_COMPLETION_INDEX"
"""The environment variable in which an Indexed Job of Kubernetes numbers its pods from 0."""
SERVICE = "http://localhost:3000"


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="herodex",
        description="Use, trace, withdraw, promote, package, export and verify models; crawl images.",
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
    packing.add_argument(
        "--sign", type=Path, metavar="KEY", help="sign the bento with this private key (PEM)"
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
    add_forget(add)
    add_bucket(add)
    add_crawl(add)
    add("send", "send waiting runs to MLflow")
    return parser.parse_args(arguments)


def add_forget(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the command `forget` and its options."""
    forgetting = add("forget", "withdraw an image, author, host or licence, and keep it out of later crawls")
    forgetting.add_argument("key", nargs="?", help="an image's sha256, an author, a host or a licence")
    forgetting.add_argument("--by", choices=KINDS, help="the kind of source, if the key fits several")
    forgetting.add_argument("--yes", action="store_true", help="remove without asking")
    then = forgetting.add_mutually_exclusive_group()
    then.add_argument(
        "--rebuild", action="store_true", help="then run `make run`, compare the figures, and check"
    )
    then.add_argument(
        "--check",
        action="store_true",
        help="remove nothing; list traces of withdrawn sources in data, models and reports, and of the key",
    )


def add_bucket(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the command `bucket` and its options."""
    storing = add(
        "bucket", "show which shards in the bucket are in use; delete the others, or move shards there"
    )
    storing.add_argument(
        "--rev",
        nargs="+",
        default=[],
        metavar="REV",
        help="commits, branches or tags whose shards are kept too, beside those of DVC's cache",
    )
    storing.add_argument(
        "--older-than",
        type=float,
        default=24,
        metavar="HOURS",
        help="keep unused shards that are younger, as an unfinished run may need them (default: 24)",
    )
    then = storing.add_mutually_exclusive_group()
    then.add_argument("--delete-unused", action="store_true", help="delete the unused shards")
    then.add_argument(
        "--move",
        action="store_true",
        help="move the shards of this project there; no stage runs again for it",
    )


def add_crawl(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the command `crawl` and its options; a call has at most one of them."""
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
