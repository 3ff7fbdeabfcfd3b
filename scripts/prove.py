"""Proves that the outputs come from params, data and code alone, by making them twice in two clones.

The clones lie in folders of different names and depths, and run with another locale, time zone, hash seed,
umask and number of cores. Then a param, a line of code and an image are changed in one of them, and just
what depends on each may run again. Ends with a table, and with status 1 on any difference.

What is committed is what is proved. `--small` proves it on a tiny configuration, in a few minutes.
"""

import argparse
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from PIL import Image, ImageOps

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.lineage.counts import read_rows
from herodex.lineage.lock import StageRecord, read_lock

log = logging.getLogger(__name__)

SMALL = {
    "crawl.images.per_query": 24,
    "demo_web.results_per_query": 24,
    "classifier.train.epochs": 5,
    "generator.words.sources": ["subtlex"],
    "generator.network.units": 16,
    "generator.pretrain.max_words": 500,
    "generator.pretrain.epochs": 1,
    "generator.train.epochs": 2,
    "generator.evaluate.samples": 50,
}
SMALL_QUERIES = {"classes": 2, "distractors": 1}
IMAGES = 20
"""Of each query, for the check with a changed image."""


@dataclass(frozen=True)
class Place:
    """A clone, and what is different about it from the other one."""

    folder: Path
    environment: dict[str, str]
    umask: int
    cores: frozenset[int]

    def run(self, *words: str) -> str:
        """Run a command in the clone; returns what it wrote.

        Raises:
            UserError: it failed.
        """
        unset = {"MLFLOW_TRACKING_URI", "LANG", "LC_ALL", "HERODEX_LIVE"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=environment | self.environment | {"PYTHONPATH": str(self.folder / "src")},
            umask=self.umask,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cores),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            command = " ".join(words)
            raise UserError(f"`{command}` failed in {self.folder}: {done.stdout[-2000:]}", "Mend that first.")
        return done.stdout

    def repro(self) -> set[str]:
        """Run the pipeline; returns the stages that were run, not those that were skipped or restored."""
        return set(re.findall(r"^Running stage '(\w+)'", self.run("dvc", "repro"), re.MULTILINE))

    def lock(self) -> dict[str, StageRecord]:
        """What came out of it."""
        return read_lock(self.folder / "dvc.lock")


def places(work: Path) -> tuple[Place, Place]:
    """Two clones that have as little in common as a machine allows; nothing is in them yet."""
    cores = sorted(os.sched_getaffinity(0))
    threads = [{"OMP_NUM_THREADS": str(n), "TF_NUM_INTRAOP_THREADS": str(n)} for n in (1, len(cores))]
    return (
        Place(
            work / "a",
            {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1", **threads[0]},
            0o022,
            frozenset(cores[:1]),
        ),
        Place(
            work / "much" / "deeper" / "b with a blank",
            {"LC_ALL": "C.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4711", **threads[1]},
            0o077,
            frozenset(cores),
        ),
    )


def clone(place: Place, changes: dict[str, Any]) -> None:
    """Clone the project's last commit, without cache or outputs, and change its params."""
    subprocess.run(["git", "clone", "--quiet", ".", str(place.folder)], check=True)
    change_params(place.folder / paths.PARAMS, changes)


def change_params(path: Path, changes: dict[str, Any]) -> None:
    """Write `params.yaml` with `changes`, whose keys are dotted."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = values
        for name in sections:
            section = section[name]
        section[last] = value
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def compare(first: dict[str, StageRecord], second: dict[str, StageRecord]) -> list[tuple[str, str, str, str]]:
    """List every output of every stage: the stage, the output, and its hash in each, or `missing`."""
    outputs = {
        (name, path): None
        for stages in (first, second)
        for name, record in stages.items()
        for path in record["outputs"]
    }

    def hash_of(stages: dict[str, StageRecord], name: str, path: str) -> str:
        return stages[name]["outputs"].get(path, "missing") if name in stages else "missing"

    return [(name, path, hash_of(first, name, path), hash_of(second, name, path)) for name, path in outputs]


def readers(stages: dict[str, StageRecord], changed: Iterable[str]) -> set[str]:
    """All stages after those in `changed`, and these themselves."""
    reached = set(changed)
    while True:
        written = {path for name in reached for path in stages[name]["outputs"]}
        more = {name for name, record in stages.items() if any(touches(record, path) for path in written)}
        if more <= reached:
            return reached
        reached |= more


def touches(record: StageRecord, path: str) -> bool:
    """Whether a stage reads a file or a folder, something in it, or a folder that it lies in."""
    return any(
        path == read or path.startswith(f"{read}/") or read.startswith(f"{path}/")
        for read in record["inputs"]
    )


def judge(what: str, ran: set[str], must: set[str], may: set[str]) -> bool:
    """Say which stages ran after a change, and whether they are the right ones."""
    right = must <= ran <= may
    log.info("%-60s %s", what, "as it should" if right else "WRONG")
    log.info("  ran: %s", ", ".join(sorted(ran)) or "nothing")
    if not right:
        log.info("  did not run: %s", ", ".join(sorted(must - ran)) or "nothing that must")
        log.info("  ran for no reason: %s", ", ".join(sorted(ran - may)) or "nothing")
    return right


def check_changes(place: Place) -> bool:
    """Change a param, a line of code and an image in a clone; whether just what depends on each ran."""
    stages = place.lock()
    declared = yaml.safe_load((place.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    params = place.folder / paths.PARAMS
    before = params.read_bytes()
    verdicts = [judge("nothing changed", place.repro(), set(), set())]

    neighbours = yaml.safe_load(before)["classifier"]["train"]["neighbours"]
    change_params(params, {"classifier.train.neighbours": neighbours + 1})
    direct = {name for name, stage in declared.items() if "classifier.train" in stage["params"]}
    verdicts.append(
        judge("classifier.train.neighbours changed", place.repro(), direct, readers(stages, {*direct, LAST}))
    )
    params.write_bytes(before)
    verdicts.append(judge("changed back: restored from the cache", place.repro(), set(), set()))

    source = Path("src/herodex/generator/pronounceable.py")
    code = (place.folder / source).read_bytes()
    (place.folder / source).write_bytes(code + b"\nCHANGED = True\n")
    direct = {name for name, stage in declared.items() if str(source) in stage["deps"]}
    verdicts.append(
        judge(f"a line added to {source}", place.repro(), direct, readers(stages, {*direct, LAST}))
    )
    (place.folder / source).write_bytes(code)
    place.repro()

    use_own_images(place)
    place.repro()
    pixels = sorted((place.folder / "data" / "images").rglob("*.png"))[0]
    with Image.open(pixels) as image:
        ImageOps.mirror(ImageOps.invert(image)).save(pixels)
    direct = {name for name, record in stages.items() if "data/own_images" in record["inputs"]} - {LAST}
    ran = place.repro()
    must = direct | {"clean_images", "embed_images"}
    verdicts.append(
        judge("one image of data/own_images changed", ran, must, readers(stages, {*direct, LAST}))
    )
    return all(verdicts)


LAST = "record_lineage"


def use_own_images(place: Place) -> None:
    """Let a clone learn from a folder of images: some of those that it has crawled."""
    taken: dict[str, int] = {}
    for row in read_rows(place.folder / paths.SPLIT_IMAGES):
        if row["kept"] == "1" and taken.get(row["query"], 0) < IMAGES:
            taken[row["query"]] = taken.get(row["query"], 0) + 1
            target = place.folder / "data" / "images" / row["query"] / f"{taken[row['query']]:03}.png"
            target.parent.mkdir(exist_ok=True)
            with Image.open(place.folder / paths.RAW_IMAGES / row["file"]) as image:
                image.convert("RGB").save(target)
    change_params(
        place.folder / paths.PARAMS, {"crawl.web": "data/own_images", "crawl.images.sources": ["folder"]}
    )


def small_changes() -> dict[str, Any]:
    """The params of a tiny configuration, about some of the project's own classes."""
    values = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    return SMALL | {key: values[key][:most] for key, most in SMALL_QUERIES.items()}


def main() -> None:
    """Clone, run and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="on a tiny configuration")
    parser.add_argument("--work", type=Path, help="an empty folder for the clones, which stay there")
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="herodex-proof-"))
    first, second = places(work.resolve())
    try:
        right = prove(first, second, small_changes() if options.small else {})
    finally:
        if options.work is None:
            shutil.rmtree(work)
    if not right:
        sys.exit(1)


def prove(first: Place, second: Place, changes: dict[str, Any]) -> bool:
    """Run the pipeline in both places, compare, and check what changes touch; whether all is as it should."""
    for place in (first, second):
        clone(place, changes)
        log.info(
            "%s: %s, umask %03o, cores %s", place.folder, place.environment, place.umask, set(place.cores)
        )
        started = time.monotonic()
        ran = place.repro()
        log.info("%d stages in %.0f s", len(ran), time.monotonic() - started)
    rows = compare(first.lock(), second.lock())
    for stage, path, one, two in rows:
        log.info("%-20s %-42s %-12s %s", stage, path, one[:12], "same" if one == two else f"NOT {two[:12]}")
    differing = sum(one != two for _, _, one, two in rows)
    log.info("%d of %d outputs are the same in both clones", len(rows) - differing, len(rows))
    return check_changes(second) and not differing


if __name__ == "__main__":
    run_command(main)
