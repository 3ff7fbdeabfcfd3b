"""The `herodex` command: what each of its commands does."""

import argparse
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from herodex.cli_arguments import JOB_INDEX, MODELS, parse
from herodex.command import run_command
from herodex.errors import UserError

if TYPE_CHECKING:
    import herodex.lineage.forget_sources


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
    COMMANDS[options.command](options)


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


def forget(options: argparse.Namespace) -> None:
    """Withdraw a source, or search for traces of withdrawn ones; exit with 1 if nothing is withdrawn.

    Raises:
        UserError: the key is missing or fits nothing, or no terminal can confirm.
    """
    from herodex.lineage.forget import describe
    from herodex.lineage.forget_sources import find_source
    from herodex.lineage.tree import render

    if options.check:
        prove_forgotten(options.key)
        return
    if not options.key:
        raise UserError("No source is named.", "Give an image's sha256, an author, a host or a licence.")
    withdrawal = find_source(options.key, options.by)
    sys.stdout.write(render(describe(withdrawal)))
    sys.stdout.flush()
    if not options.yes:
        if not sys.stdin.isatty():
            raise UserError("Nothing is removed without a yes.", "Add --yes, or run it in a terminal.")
        if input("Remove this? [y/N] ").strip().lower() not in {"y", "yes"}:
            sys.stdout.write("Nothing is removed.\n")
            raise SystemExit(1)
    withdraw(withdrawal, options.rebuild)


def withdraw(withdrawal: "herodex.lineage.forget_sources.Withdrawal", rebuild: bool) -> None:
    """Remove a source's images; with `rebuild`, make everything anew, compare the figures, and check.

    Raises:
        UserError: `make run` failed.
    """
    # The crawl belongs to the project's folder, not to the installed package.
    sys.path.insert(0, str(Path.cwd()))
    from crawlers.forgotten import withdraw_images
    from herodex.forgotten_list import read_forgotten
    from herodex.lineage.forget import compare_figures, figures_now, remove

    classes = {row["label"] for row in withdrawal.rows if "label" in row} | {"unknown"}
    before = figures_now(classes)
    remove(withdrawal)
    rows = withdraw_images("scrape_images", read_forgotten())
    sys.stdout.write(f"Removed: {rows} search results, and data/forgotten.csv has the hashes. Commit it.\n")
    if not rebuild:
        sys.stdout.write("Run `make run` to make data, models and reports without them, ")
        sys.stdout.write("then `herodex forget --check`.\n")
        return
    sys.stdout.flush()
    if subprocess.run(["make", "run"], check=False).returncode:
        raise UserError("`make run` failed after the removal.", "Remove the cause and run `make run` again.")
    sys.stdout.write(f"{compare_figures(before, figures_now(classes))}\n")
    # Earlier versions are the user's to remove, as they may be needed to roll back.
    prove_forgotten(withdrawal.key, earlier=False)


def prove_forgotten(key: str | None, earlier: bool = True) -> None:
    """Print the traces of withdrawn sources; exit with 1 if there are any.

    Args:
        key: a source that need not be withdrawn.
        earlier: whether traces in earlier versions count, which `make run` does not remove.
    """
    from herodex.forgotten_list import read_forgotten
    from herodex.lineage.trace_places import describe_found, find_everywhere
    from herodex.lineage.traces import hashes_of, wanted

    forgotten = read_forgotten()
    if key and not hashes_of(key) & forgotten.reasons.keys():
        sys.stdout.write(f"'{key}' is not withdrawn: data/forgotten.csv has no such source.\n")
    found = find_everywhere(wanted(forgotten, key or ""))
    sys.stdout.write(f"{describe_found(found)}\n")
    if found.working or (earlier and found.removable):
        raise SystemExit(1)


def bucket(options: argparse.Namespace) -> None:
    """Show the shards in the bucket, delete unused ones, or move shards there; exit with 1 if some lack."""
    from herodex.lineage import bucket_shards

    remote = bucket_shards.project_remote()
    if options.move:
        count = bucket_shards.move(remote)
        sys.stdout.write(f"{count} shards moved to {remote.bucket.address()}. Run `make run`, and commit.\n")
        return
    found = bucket_shards.plan(remote, options.rev, options.older_than)
    sys.stdout.write(f"{bucket_shards.describe(found, remote)}\n")
    if options.delete_unused:
        bucket_shards.delete_unused(found, remote)
        sys.stdout.write(f"{len(found.unused)} shards deleted.\n")
    elif found.unused:
        sys.stdout.write("Nothing is deleted; --delete-unused deletes the unused shards.\n")
    if found.missing or found.damaged:
        raise SystemExit(1)


def promote(options: argparse.Namespace) -> None:
    """Compare challengers with champions and print the results."""
    from herodex.lineage.promote import promote
    from herodex.params import load_params

    seed = load_params().seed
    for name, version in (versions(options.models) or dict.fromkeys(MODELS, "")).items():
        sys.stdout.write(f"{promote(name, seed, version or None)}\n")


def rollback(options: argparse.Namespace) -> None:
    """Make the previous champions the champions again."""
    from herodex.lineage.promote import rollback

    for name in options.models or MODELS:
        sys.stdout.write(f"{rollback(name)}\n")


def bento(options: argparse.Namespace) -> None:
    """Package models into a bento."""
    from herodex.lineage.package import build_bento

    build_bento(versions(options.models), options.sign)


def verify(options: argparse.Namespace) -> None:
    """Check a bento or project against its statement of provenance."""
    from herodex.lineage.verify import verify

    sys.stdout.write(f"{verify(options.target, options.key)}\n")


def status(options: argparse.Namespace) -> None:
    """Print the state of the project, and the next step; exit with 1 if a file is damaged."""
    from herodex.lineage.status import describe, gather

    found = gather(options.service)
    sys.stdout.write(f"{describe(found)}\n")
    if found.repairs:
        raise SystemExit(1)


def export(options: argparse.Namespace) -> None:
    """Write both models as files of another runtime."""
    from herodex.portable.export_models import export_models

    export_models(options.to, options.out, options.check)


def send(options: argparse.Namespace) -> None:
    """Send waiting runs to MLflow; exit with 1 if some still wait."""
    from herodex.tracking import send_pending

    if not send_pending():
        raise SystemExit(1)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    each.__name__: each
    for each in (
        classify,
        names,
        trace,
        forget,
        bucket,
        promote,
        rollback,
        bento,
        verify,
        status,
        export,
        crawl,
        send,
    )
}


if __name__ == "__main__":
    main()
