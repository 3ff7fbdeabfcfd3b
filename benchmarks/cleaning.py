"""How well the cleaning finds what is wrong with the embedded web, by its truth.

`python -m benchmarks.cleaning` reads what the last run of the pipeline made of the embedded web.
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
from demo_web.faults import COPIES, Kind
from demo_web.truth import DEMO, PlannedPicture, plan_web
from herodex import paths
from herodex.command import run_command
from herodex.dataset.manifest import NO_HASH, read_manifest
from herodex.errors import UserError
from herodex.params import Params, load_params
from herodex.statistics import share

FAULTS: dict[str, tuple[set[Kind], set[str]]] = {
    "no download": ({Kind.NOT_FOUND, Kind.DISALLOWED}, {"no_download"}),
    "truncated": ({Kind.TRUNCATED}, {"truncated", "unreadable"}),
    "not a picture": ({Kind.HTML}, {"not_a_picture"}),
    "bomb": ({Kind.BOMB}, {"too_large"}),
    "one pixel": ({Kind.PIXEL}, {"too_small"}),
    "strip": ({Kind.STRIP}, {"odd_aspect"}),
    "dark": ({Kind.DARK}, {"too_dark"}),
    "light": ({Kind.LIGHT}, {"too_light"}),
    "blank": ({Kind.BLANK}, {"low_information"}),
    "blurry": ({Kind.BLURRY}, {"blurry"}),
    "off-class": ({Kind.WRONG_SUBJECT}, {"doubtful_label", "outlier"}),
}
"""What is scored: the kinds of a fault, and the reasons that tell it."""
ALSO_RIGHT = {"off-class": {Kind.SHARED}}
"""A result that shares another query's picture is off-class too, and a conflict where both were crawled."""


@dataclass(frozen=True)
class Score:
    """Counts of one fault: how many there were, how many of them were found, and of how many findings."""

    fault: str
    wanted: int
    recalled: int
    found: int
    right: int


def families(plan: Iterable[PlannedPicture]) -> list[str]:
    """Name for each result the original that it is, copies or shares."""
    return [picture.original or picture.id for picture in plan]


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


def score_copies(manifest: pd.DataFrame, plan: list[PlannedPicture]) -> list[Score]:
    """Compare clusters with the planned copies.

    A copy is found if it shares its cluster with another crawled picture of the same original. Of the
    findings, rows that share a cluster with another row, those are right whose cluster holds one original.
    """
    table = pd.DataFrame(
        {
            "kind": [picture.kind for picture in plan],
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
        counted(kind.value.replace("_", " "), lambda kind, one=kind: kind == one) for kind in sorted(COPIES)
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


def planned(manifest: pd.DataFrame, plan: list[PlannedPicture]) -> list[PlannedPicture]:
    """Find for each row of the manifest what was planned for it."""
    by_place = {(picture.query, picture.rank): picture for picture in plan}
    return [
        by_place[query, int(rank)] for query, rank in zip(manifest["query"], manifest["rank"], strict=True)
    ]


def other_web(params: Params) -> tuple[pd.DataFrame, list[PlannedPicture]]:
    """Draw the embedded web that the parameters describe, and clean what a crawl would get of it."""
    plan = [picture for picture in plan_web(params) if picture.rank <= params.crawl.images.per_query]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        manifest = write_crawl(work / "raw", plan, params)
        return clean_folder(manifest, work / "raw", work, params)[0], plan


def main() -> None:
    """Print recall and precision of each fault."""
    params = load_params()
    if params.crawl.web != DEMO:
        raise UserError("The truth is known of the embedded web alone.", f"Set crawl.web to {DEMO}.")
    if len(sys.argv) > 1:
        web = params.demo_web.model_copy(update={"seed": int(sys.argv[1])})
        manifest, plan = other_web(params.model_copy(update={"demo_web": web}))
    else:
        manifest = read_manifest(paths.CURATED_IMAGES)
        plan = planned(manifest, plan_web(params))
    scores = [*score_faults(manifest, [picture.kind for picture in plan]), *score_copies(manifest, plan)]
    sys.stdout.write(f"{describe(scores)}\n")


if __name__ == "__main__":
    run_command(main)
