"""Prove that outputs depend only on params, data and code, by running the pipeline in several clones.

Two clones have folders of different names and depths, and run with another locale, time zone, hash seed,
umask and number of cores. Others run with fewer instruction sets, as on older CPUs. Then a param, a line of
code and an image change in one clone, and exactly the stages that depend on each must rerun. The proof is
about the last commit; any difference ends with status 1.

`--small` uses a small configuration and takes a few minutes.
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
from herodex.pipeline_graph import overlap

log = logging.getLogger(__name__)

SMALL = {
    "crawl.images.per_query": 24,
    "demo_web.results_per_query": 24,
    "generator.words.sources": ["subtlex"],
    "generator.network.units": 16,
    "generator.pretrain.max_words": 500,
    "generator.pretrain.epochs": 1,
    "generator.train.epochs": 2,
    "generator.evaluate.samples": 50,
}
SMALL_QUERIES = {"classes": 2, "distractors": 1}
LAST = "record_lineage"
"""The stage that depends on all others."""
SOURCE = Path("src/herodex/generator/pronounceable.py")
"""The code that gets another line."""
OWN_IMAGES = Path("data/own_images")
IMAGES = 20
"""Own images per query, for the check with a changed image."""


INSTRUCTION_SETS = {"AVX2": "generic", "AVX512_CORE": "avx2"}
"""Older than those of most CPUs: oneDNN's names, with faiss's to go with them.

NumPy and OpenBLAS use AVX2 in any case (`herodex.kernels`).
"""


@dataclass(frozen=True)
class Clone:
    """A clone of the project, and the environment of its processes.

    Attributes:
        name: of the kind of machine.
    """

    name: str
    folder: Path
    environment: dict[str, str]
    umask: int
    cores: frozenset[int]

    def repro(self) -> set[str]:
        """Run the pipeline; return the stages that ran, without skipped and restored ones.

        Raises:
            UserError: `dvc repro` failed.
        """
        unset = {"MLFLOW_TRACKING_URI", "LANG", "LC_ALL", "HERODEX_LIVE"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        done = subprocess.run(
            ["dvc", "repro"],
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
            raise UserError(f"`dvc repro` failed in {self.folder}: {done.stdout[-2000:]}", "Fix that first.")
        return set(re.findall(r"^Running stage '(\w+)'", done.stdout, re.MULTILINE))

    def lock(self) -> dict[str, StageRecord]:
        """Read the records of all stages."""
        return read_lock(self.folder / "dvc.lock")


def clones(work: Path) -> list[Clone]:
    """Describe clones that differ in as much as one machine allows, the reference first."""
    cores = sorted(os.sched_getaffinity(0))
    one, all_ = ({"OMP_NUM_THREADS": str(n), "TF_NUM_INTRAOP_THREADS": str(n)} for n in (1, len(cores)))
    first = {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1", **one}
    second = {"LC_ALL": "C.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4711", **all_}
    deep = work / "much" / "deeper" / "b with a blank"
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    older = {
        name: faiss
        for name, faiss in INSTRUCTION_SETS.items()
        if name != "AVX512_CORE" or "avx512bw" in flags
    }
    return [
        Clone("one core", work / "a", first, 0o022, frozenset(cores[:1])),
        Clone("all cores", deep, second, 0o077, frozenset(cores)),
        *(
            Clone(
                name,
                work / name,
                second | {"ONEDNN_MAX_CPU_ISA": name, "FAISS_OPT_LEVEL": faiss},
                0o022,
                frozenset(cores),
            )
            for name, faiss in older.items()
        ),
    ]


def change_params(path: Path, changes: dict[str, Any]) -> None:
    """Change `params.yaml` by dotted keys."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = values
        for name in sections:
            section = section[name]
        section[last] = value
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def compare(locks: dict[str, dict[str, StageRecord]]) -> dict[tuple[str, str], list[str]]:
    """Find the clones in which each output differs from that of the first clone, or is missing.

    Args:
        locks: the records of all stages, by the clones' names.

    Returns:
        names of clones, by stage and path.
    """
    hashes = {
        clone: {
            (name, path): md5 for name, record in stages.items() for path, md5 in record["outputs"].items()
        }
        for clone, stages in locks.items()
    }
    first = next(iter(hashes.values()))
    every = dict.fromkeys(key for outputs in hashes.values() for key in outputs)
    return {
        key: [clone for clone, outputs in hashes.items() if outputs.get(key) != first.get(key)]
        for key in every
    }


def overlaps(paths: Iterable[str], path: str) -> bool:
    """Check whether a path is one of several, contains one, or is inside one."""
    return any(overlap(path, other) for other in paths)


def readers(stages: dict[str, StageRecord], changed: Iterable[str]) -> set[str]:
    """Return the changed stages and all that depend on them."""
    reached = set(changed)
    while True:
        written = {path for name in reached for path in stages[name]["outputs"]}
        more = {
            name
            for name, record in stages.items()
            if any(overlaps(record["inputs"], path) for path in written)
        }
        if more <= reached:
            return reached
        reached |= more


def check(change: str, ran: set[str], must: set[str], may: set[str]) -> bool:
    """Log which stages ran after a change; return whether they are the right ones."""
    right = must <= ran <= may
    log.info("%-60s %s", change, "as expected" if right else "WRONG")
    log.info("  ran: %s", ", ".join(sorted(ran)) or "nothing")
    if not right:
        log.info("  should have run: %s", ", ".join(sorted(must - ran)) or "nothing else")
        log.info("  should not have run: %s", ", ".join(sorted(ran - may)) or "nothing")
    return right


def check_changes(clone: Clone) -> bool:
    """Change a param, a line of code and an image; return whether only dependent stages ran."""
    stages, params, code = clone.lock(), clone.folder / paths.PARAMS, clone.folder / SOURCE
    params_before, code_before = params.read_bytes(), code.read_bytes()
    verdicts = [check("nothing changed", clone.repro(), set(), set())]

    key = "classifier.train.neighbours"
    direct = {name for name, record in stages.items() if key in record["params"]}
    change_params(params, {key: stages["train_classifier"]["params"][key] + 1})
    verdicts.append(check(f"{key} changed", clone.repro(), direct, readers(stages, direct)))
    params.write_bytes(params_before)
    verdicts.append(check("changed back: restored from the cache", clone.repro(), set(), set()))

    declared = yaml.safe_load((clone.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    direct = {name for name, stage in declared.items() if overlaps(stage.get("deps", []), str(SOURCE))}
    code.write_bytes(code_before + b"\nCHANGED = True\n")
    verdicts.append(check(f"a line added to {SOURCE}", clone.repro(), direct, readers(stages, direct)))
    code.write_bytes(code_before)
    clone.repro()

    use_own_images(clone)
    clone.repro()
    file = sorted((clone.folder / OWN_IMAGES).rglob("*.png"))[0]
    with Image.open(file) as image:
        ImageOps.mirror(ImageOps.invert(image)).save(file)
    direct = {name for name, record in stages.items() if str(OWN_IMAGES) in record["inputs"]}
    must = direct | {"clean_images", "embed_images"}
    verdicts.append(
        check("one image of data/own_images changed", clone.repro(), must, readers(stages, direct))
    )
    return all(verdicts)


def use_own_images(clone: Clone) -> None:
    """Copy some crawled images to the folder of own images, and let the clone use it."""
    taken: dict[str, int] = {}
    for row in read_rows(clone.folder / paths.SPLIT_IMAGES):
        if row["kept"] == "1" and taken.get(row["query"], 0) < IMAGES:
            taken[row["query"]] = taken.get(row["query"], 0) + 1
            target = clone.folder / OWN_IMAGES / row["query"] / f"{taken[row['query']]:03}.png"
            target.parent.mkdir(exist_ok=True)
            with Image.open(clone.folder / paths.RAW_IMAGES / row["file"]) as image:
                image.convert("RGB").save(target)
    change_params(
        clone.folder / paths.PARAMS, {"crawl.web": str(OWN_IMAGES), "crawl.images.sources": ["folder"]}
    )


def prove(legs: list[Clone], changes: dict[str, Any]) -> bool:
    """Run the pipeline in all clones, compare all outputs, and check changes in the second clone."""
    for clone in legs:
        subprocess.run(["git", "clone", "--quiet", ".", str(clone.folder)], check=True)
        change_params(clone.folder / paths.PARAMS, changes)
        environment, cores = clone.environment, set(clone.cores)
        log.info(
            "%s in %s: %s, umask %03o, cores %s", clone.name, clone.folder, environment, clone.umask, cores
        )
        started = time.monotonic()
        ran = clone.repro()
        log.info("%d stages in %.0f s", len(ran), time.monotonic() - started)
    found = compare({clone.name: clone.lock() for clone in legs})
    for (stage, path), others in found.items():
        log.info("%-20s %-42s %s", stage, path, f"NOT with {', '.join(others)}" if others else "same")
    differing = sum(map(bool, found.values()))
    names = ", ".join(clone.name for clone in legs)
    log.info("%d of %d outputs are the same with %s", len(found) - differing, len(found), names)
    return check_changes(legs[1]) and not differing


def main() -> None:
    """Prove it in a temporary folder, or in one that stays."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="use a small configuration")
    parser.add_argument("--work", type=Path, help="an empty folder for the clones, which then stay there")
    options = parser.parse_args()
    changes: dict[str, Any] = {}
    if options.small:
        values = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
        changes = SMALL | {key: values[key][:most] for key, most in SMALL_QUERIES.items()}
    work = options.work or Path(tempfile.mkdtemp(prefix="herodex-proof-"))
    try:
        right = prove(clones(work.resolve()), changes)
    finally:
        if options.work is None:
            shutil.rmtree(work)
    if not right:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
