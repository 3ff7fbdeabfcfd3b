"""Recall and precision of the cleaning on the demo web, whose ground truth is known.

`python -m benchmarks.cleaning` scores the output of the last pipeline run.
`python -m benchmarks.cleaning SEED` draws and cleans the demo web of another seed, not used for tuning.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.demo_crawl import write_crawl
from demo_web.faults import DUPLICATES, Kind
from demo_web.truth import DEMO, PlannedImage, plan_web
from herodex import paths
from herodex.command import run_command
from herodex.curation.clean import check_all, clean
from herodex.curation.curate import curate
from herodex.dataset.manifest import NO_HASH, read_manifest
from herodex.embedding.embed import pooled_views
from herodex.errors import UserError
from herodex.inference.features import slices_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.inference.views import MIDDLE
from herodex.params import Params, load_params
from herodex.statistics import proportion

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
"""The faults scored: the planned kinds, and the reasons that count as found."""
ALSO_RIGHT = {"off-class": {Kind.SHARED}}
"""A result that shares another query's image is off-class too, or a label conflict if both were crawled."""


@dataclass(frozen=True)
class Score:
    """Counts of one fault.

    Attributes:
        fault: its name.
        wanted: planned results with the fault.
        recalled: those of them that were found.
        found: results reported as having the fault.
        right: those of them that have it.
    """

    fault: str
    wanted: int
    recalled: int
    found: int
    right: int


def families(plan: Iterable[PlannedImage]) -> list[str]:
    """Return the id of each result's original, which may be the result itself."""
    return [image.original or image.id for image in plan]


def score_faults(manifest: pd.DataFrame, kinds: list[Kind]) -> list[Score]:
    """Compare the reasons in the manifest with the planned kinds of its rows."""
    reasons = list(manifest["dropped_for"])
    scores = []
    for fault, (of_fault, counted) in FAULTS.items():
        wanted = [reason for kind, reason in zip(kinds, reasons, strict=True) if kind in of_fault]
        found = [kind for kind, reason in zip(kinds, reasons, strict=True) if reason in counted]
        recalled = sum(reason in counted for reason in wanted)
        right = sum(kind in of_fault | ALSO_RIGHT.get(fault, set()) for kind in found)
        scores.append(Score(fault, len(wanted), recalled, len(found), right))
    return scores


def score_duplicates(manifest: pd.DataFrame, plan: list[PlannedImage]) -> list[Score]:
    """Compare duplicate groups with the planned duplicates.

    A duplicate is found if its group holds another crawled image of the same original. A row that shares its
    group is right if the group holds one original only; groups of similar drawings count as wrong although
    both drawings are kept.
    """
    table = pd.DataFrame(
        {
            "kind": [image.kind for image in plan],
            "family": families(plan),
            "group": list(manifest["duplicate_group"]),
            "usable": list((manifest["phash"] != NO_HASH) & ~manifest["dropped_for"].isin(_FAULTY)),
        }
    )
    table = table[table["usable"]]
    relatives = table.groupby("family")["family"].transform("size")
    together = table.groupby(["family", "group"])["family"].transform("size")
    pure = table.groupby("group")["family"].transform("nunique") == 1
    grouped = table.groupby("group")["family"].transform("size") > 1

    def counted(name: str, of: Callable[[Kind], bool]) -> Score:
        counted_rows = table["kind"].map(of)
        duplicates = counted_rows & (relatives > 1)
        findings = counted_rows & grouped
        return Score(
            name,
            int(duplicates.sum()),
            int((duplicates & (together > 1)).sum()),
            int(findings.sum()),
            int((findings & pure).sum()),
        )

    each = [
        counted(kind.value.replace("_", " "), lambda kind, one=kind: kind == one)
        for kind in sorted(DUPLICATES)
    ]
    shared = counted("shared", lambda kind: kind == Kind.SHARED)
    every = counted("duplicates and originals", lambda kind: True)
    return [*each, shared, every, _score_dropped(manifest, plan)]


def _score_dropped(manifest: pd.DataFrame, plan: list[PlannedImage]) -> Score:
    """Compare the results dropped as duplicates with the planned duplicates of the image that is kept."""
    family = families(plan)
    family_of = dict(zip(manifest["sha256"], family, strict=True))
    originals = manifest["duplicate_of"].tolist()
    dropped = [(own, family_of[kept]) for own, kept in zip(family, originals, strict=True) if kept]
    right = sum(own == kept for own, kept in dropped)
    return Score("dropped as duplicates", 0, 0, len(dropped), right)


_FAULTY = {"too_small", "odd_aspect", "too_dark", "too_light", "low_information", "blurry"}


def describe(scores: list[Score]) -> str:
    """Format scores as a table, each share with its count and 95 % interval."""

    def figure(hits: int, n: int) -> str:
        if n == 0:
            return f"{'–':>30}"
        value = proportion(hits, n)
        return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}] {hits:>4}/{n:<4}"

    lines = [f"{'fault':<28}{'recall':<32}{'precision':<32}"]
    lines += [
        f"{score.fault:<28}{figure(score.recalled, score.wanted):<32}{figure(score.right, score.found):<32}"
        for score in scores
    ]
    return "\n".join(lines)


def planned(manifest: pd.DataFrame, plan: list[PlannedImage]) -> list[PlannedImage]:
    """Return the planned result of each row of the manifest."""
    by_place = {(image.query, image.rank): image for image in plan}
    return [
        by_place[query, int(rank)] for query, rank in zip(manifest["query"], manifest["rank"], strict=True)
    ]


def clean_web(params: Params, work: Path) -> tuple[pd.DataFrame, list[PlannedImage]]:
    """Draw the demo web, and run `clean_images`, `embed_images` and `curate_images` on it in `work`."""
    plan = [image for image in plan_web(params) if image.rank <= params.crawl.images.per_query]
    manifest = write_crawl(work / "raw", plan, params)
    settings = params.classifier
    checks = check_all(manifest["file"].tolist(), work / "raw", work / "clean", settings.clean)

    def read(file: str) -> np.ndarray:
        return np.asarray(Image.open((work / "clean" / file).with_suffix(".png")))

    cleaned = clean(manifest, checks, settings.clean, read)
    rows = cleaned[cleaned["phash"] != NO_HASH].drop_duplicates("sha256")
    precision = resolve_precision(params.backbone.precision)
    pooled, channels = pooled_views(
        rows, settings.embed, precision, [MIDDLE], work / "features.db", read=read
    )
    features = dict(zip(rows["sha256"], pooled[:, 0, slices_of(channels)[5, "max"]], strict=True))
    return curate(cleaned, features, {}, params, read=read), plan


def main() -> None:
    """Print the recall and precision of each fault."""
    params = load_params()
    if params.crawl.web != DEMO:
        raise UserError("Only the demo web has a ground truth.", f"Set crawl.web to {DEMO}.")
    if len(sys.argv) > 1:
        web = params.demo_web.model_copy(update={"seed": int(sys.argv[1])})
        with tempfile.TemporaryDirectory() as folder:
            manifest, plan = clean_web(params.model_copy(update={"demo_web": web}), Path(folder))
    else:
        manifest = read_manifest(paths.CURATED_IMAGES)
        plan = planned(manifest, plan_web(params))
    scores = [*score_faults(manifest, [image.kind for image in plan]), *score_duplicates(manifest, plan)]
    sys.stdout.write(f"{describe(scores)}\n")


if __name__ == "__main__":
    run_command(main)
