"""How well the cleaning finds what is wrong with the demo web, by its truth.

`python -m benchmarks.cleaning` reads what the last run of the pipeline made of the demo web.
`python -m benchmarks.cleaning SEED` draws and cleans the web of another seed, which nothing was chosen by.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.clean_folder import clean_folder
from benchmarks.demo_crawl import write_crawl
from demo_web.faults import DUPLICATES, Kind
from demo_web.truth import DEMO, PlannedImage, plan_web
from herodex import paths
from herodex.command import run_command
from herodex.dataset.manifest import NO_HASH, read_manifest
from herodex.errors import UserError
from herodex.params import Params, load_params
from herodex.statistics import share

FAULTS: dict[str, tuple[set[Kind], set[str]]] = {
    "no download": ({Kind.NOT_FOUND, Kind.DISALLOWED}, {"no_download"}),
    "truncated": ({Kind.TRUNCATED}, {"truncated", "unreadable"}),
    "not an image": ({Kind.HTML}, {"not_an_image"}),
    "bomb": ({Kind.BOMB}, {"too_large"}),
    "one pixel": ({Kind.PIXEL}, {"too_small"}),
    "strip": ({Kind.STRIP}, {"odd_aspect"}),
    "dark": ({Kind.DARK}, {"too_dark"}),
    "light": ({Kind.LIGHT}, {"too_light"}),
    "blank": ({Kind.BLANK}, {"low_information"}),
    "blurry": ({Kind.BLURRY}, {"blurry"}),
    "off-class": ({Kind.WRONG_SUBJECT}, {"label_error", "outlier"}),
}
"""What is scored: the kinds of a fault, and the reasons that tell it."""
ALSO_RIGHT = {"off-class": {Kind.SHARED}}
"""A result that shares another query's image is off-class too, and a conflict where both were crawled."""


@dataclass(frozen=True)
class Score:
    """Counts of one fault: how many there were, how many of them were found, and of how many findings."""

    fault: str
    wanted: int
    recalled: int
    found: int
    right: int


def families(plan: Iterable[PlannedImage]) -> list[str]:
    """Name for each result the original that it is, copies or shares."""
    return [image.original or image.id for image in plan]


def score_faults(manifest: pd.DataFrame, kinds: list[Kind]) -> list[Score]:
    """Compare the reasons in the manifest with the planned kinds, a row each."""
    reasons = list(manifest["dropped_for"])
    scores = []
    for fault, (tell, by) in FAULTS.items():
        wanted = [reason for kind, reason in zip(kinds, reasons, strict=True) if kind in tell]
        found = [kind for kind, reason in zip(kinds, reasons, strict=True) if reason in by]
        recalled = sum(reason in by for reason in wanted)
        right = sum(kind in tell | ALSO_RIGHT.get(fault, set()) for kind in found)
        scores.append(Score(fault, len(wanted), recalled, len(found), right))
    return scores


def score_duplicates(manifest: pd.DataFrame, plan: list[PlannedImage]) -> list[Score]:
    """Compare clusters with the planned copies.

    A copy is found if it shares its cluster with another crawled image of the same original. Of the
    findings, rows that share a cluster with another row, those are right whose cluster holds one original.
    """
    table = pd.DataFrame(
        {
            "kind": [image.kind for image in plan],
            "family": families(plan),
            "cluster": list(manifest["cluster"]),
            "usable": list((manifest["phash"] != NO_HASH) & ~manifest["dropped_for"].isin(_FAULTY)),
        }
    )
    table = table[table["usable"]]
    relatives = table.groupby("family")["family"].transform("size")
    together = table.groupby(["family", "cluster"])["family"].transform("size")
    pure = table.groupby("cluster")["family"].transform("nunique") == 1
    crowded = table.groupby("cluster")["family"].transform("size") > 1

    def counted(name: str, of: Callable[[Kind], bool]) -> Score:
        chosen = table["kind"].map(of)
        copies = chosen & (relatives > 1)
        findings = chosen & crowded
        return Score(
            name,
            int(copies.sum()),
            int((copies & (together > 1)).sum()),
            int(findings.sum()),
            int((findings & pure).sum()),
        )

    each = [
        counted(kind.value.replace("_", " "), lambda kind, one=kind: kind == one)
        for kind in sorted(DUPLICATES)
    ]
    shared = counted("shared", lambda kind: kind == Kind.SHARED)
    every = counted("all copies, originals too", lambda kind: True)
    return [*each, shared, every]


_FAULTY = {"too_small", "odd_aspect", "too_dark", "too_light", "low_information", "blurry"}


def describe(scores: list[Score]) -> str:
    """Lay scores out as a table, each share with its count and 95 % interval."""

    def figure(hits: int, n: int) -> str:
        if n == 0:
            return f"{'–':>30}"
        value = share(hits, n)
        return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}] {hits:>4}/{n:<4}"

    lines = [f"{'fault':<28}{'recall':<32}{'precision':<32}"]
    lines += [
        f"{score.fault:<28}{figure(score.recalled, score.wanted):<32}{figure(score.right, score.found):<32}"
        for score in scores
    ]
    return "\n".join(lines)


def planned(manifest: pd.DataFrame, plan: list[PlannedImage]) -> list[PlannedImage]:
    """Find for each row of the manifest what was planned for it."""
    by_place = {(image.query, image.rank): image for image in plan}
    return [
        by_place[query, int(rank)] for query, rank in zip(manifest["query"], manifest["rank"], strict=True)
    ]


def other_web(params: Params) -> tuple[pd.DataFrame, list[PlannedImage]]:
    """Draw the demo web that the parameters describe, and clean what a crawl would get of it."""
    plan = [image for image in plan_web(params) if image.rank <= params.crawl.images.per_query]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        manifest = write_crawl(work / "raw", plan, params)
        return clean_folder(manifest, work / "raw", work, params)[0], plan


def main() -> None:
    """Print recall and precision of each fault."""
    params = load_params()
    if params.crawl.web != DEMO:
        raise UserError("The truth is known of the demo web alone.", f"Set crawl.web to {DEMO}.")
    if len(sys.argv) > 1:
        web = params.demo_web.model_copy(update={"seed": int(sys.argv[1])})
        manifest, plan = other_web(params.model_copy(update={"demo_web": web}))
    else:
        manifest = read_manifest(paths.CURATED_IMAGES)
        plan = planned(manifest, plan_web(params))
    scores = [*score_faults(manifest, [image.kind for image in plan]), *score_duplicates(manifest, plan)]
    sys.stdout.write(f"{describe(scores)}\n")


if __name__ == "__main__":
    run_command(main)
