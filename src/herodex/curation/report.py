"""Stage `report_cleaning`: what was set aside and why, in numbers and in images."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from herodex import paths
from herodex.command import run_command
from herodex.curation.contact_sheets import Cell, contact_sheet
from herodex.curation.review_decisions import PERSON, Decision, gone, read_review
from herodex.dataset.manifest import NO_HASH, REASONS, read_clean, read_manifest, write_manifest
from herodex.params import load_params
from herodex.plotting import save_figure

log = logging.getLogger(__name__)

SHOWN = 64
"""Images on a sheet; the worst ones where there are more."""


def count_reasons(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count search results by query and reason; `decided` of them a person decided about.

    Returns:
        a table with `query`, `results`, `kept`, a column for each reason that occurs, and `decided`; its last
        row, `all`, holds the sums.
    """
    outcome = manifest["dropped_for"].where(manifest["dropped_for"] != "", "kept")
    names = ["kept", *(reason for reason in REASONS if reason in set(outcome))]
    queries = list(dict.fromkeys(manifest["query"]))
    counts = pd.crosstab(manifest["query"], outcome).reindex(index=queries, columns=names, fill_value=0)
    counts.insert(0, "results", counts.sum(axis=1))
    by_person = manifest["decided_by"] == PERSON
    counts["decided"] = by_person.groupby(manifest["query"]).sum().reindex(queries)
    counts.loc["all"] = counts.sum()
    return counts.rename_axis("query").reset_index()


def summarise(manifest: pd.DataFrame, decisions: dict[str, Decision]) -> dict[str, Any]:
    """Sum up how many results were kept and set aside, and what became of a person's decisions."""
    lost = gone(manifest, decisions)
    unreadable = manifest[(manifest["phash"] == NO_HASH) & manifest["sha256"].isin(decisions.keys())]
    return {
        "results": len(manifest),
        "kept": int((manifest["kept"] == "1").sum()),
        "set_aside": {
            reason: int((manifest["dropped_for"] == reason).sum())
            for reason in REASONS
            if (manifest["dropped_for"] == reason).any()
        },
        "decisions": {
            "keep": sum(word.keep and not word.label for word in decisions.values()),
            "relabel": sum(word.keep and bool(word.label) for word in decisions.values()),
            "drop": sum(not word.keep for word in decisions.values()),
        },
        "images_decided": int(manifest.loc[manifest["decided_by"] == PERSON, "sha256"].nunique()),
        "decisions_about_unreadable_images": sorted(set(unreadable["sha256"])),
        "decisions_about_images_that_are_gone": lost,
    }


def counts_figure(counts: pd.DataFrame) -> Figure:
    """Draw the counts of `count_reasons` as one bar a query, kept images first."""
    rows = counts[counts["query"] != "all"].set_index("query")
    names = [name for name in rows.columns if name not in ("results", "decided")]
    figure = Figure(figsize=(9, 1.8 + 0.34 * len(rows)), layout="constrained")
    axes = figure.subplots()
    colours = ["#d8d3c8", *_colours(len(names) - 1)]
    start = pd.Series(0, rows.index)
    for name, colour in zip(names, colours, strict=True):
        axes.barh(list(rows.index), rows[name], left=start, color=colour, label=name.replace("_", " "))
        start = start + rows[name]
    axes.invert_yaxis()
    axes.set(xlabel="search results")
    figure.legend(loc="outside lower center", ncols=6, fontsize="small")
    return figure


def _colours(n: int) -> list[tuple[float, ...]]:
    from matplotlib import colormaps

    return [tuple(colormaps["turbo"](0.12 + 0.8 * i / max(n - 1, 1))) for i in range(n)]


def rows_on_sheet(manifest: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Choose the images of one reason that can be shown, each once, the worst first."""
    rows = manifest[(manifest["dropped_for"] == reason) & (manifest["phash"] != NO_HASH)]
    order = pd.to_numeric(rows["score"], errors="coerce").fillna(0)
    return rows.assign(order=order).sort_values(["order", "sha256", "query"]).drop_duplicates("sha256")


def cell(row: Mapping[Any, Any], file_of: dict[str, str]) -> Cell:
    """Put an image on a sheet, beside the one that stays where it is a copy of another."""
    images = [read_clean(row["file"])]
    if row["duplicate_of"] not in ("", row["sha256"]):
        images.append(read_clean(file_of[row["duplicate_of"]]))
    score = f" · {float(row['score']):.2f}" if row["score"] else ""
    says = (
        f"looks like {row['looks_like']}"
        if row["looks_like"] not in ("", row["query"])
        else row["sha256"][:12]
    )
    return images, f"{row['query']}{score}\n{says}"


def main() -> None:
    """Write `counts.csv`, `summary.json`, `counts.png` and a sheet of each reason to `reports/clean`."""
    params = load_params()
    manifest = read_manifest(paths.CURATED_IMAGES)
    decisions = read_review(paths.REVIEW, params)
    folder = paths.CLEAN_REPORTS
    counts = count_reasons(manifest)
    write_manifest(counts, folder / "counts.csv")
    text = json.dumps(summarise(manifest, decisions), indent=2) + "\n"
    (folder / "summary.json").write_text(text, encoding="utf-8")
    save_figure(counts_figure(counts), folder / "counts.png")

    sheets = folder / "sheets"
    sheets.mkdir(parents=True, exist_ok=True)
    readable = manifest[manifest["phash"] != NO_HASH].drop_duplicates("sha256")
    file_of = dict(zip(readable["sha256"], readable["file"], strict=True))
    for reason, meaning in REASONS.items():
        rows = rows_on_sheet(manifest, reason)
        if len(rows) == 0:
            continue
        cells = [cell(row, file_of) for row in rows.head(SHOWN).to_dict("records")]
        some = f", the worst {len(cells)}" if len(cells) < len(rows) else ""
        title = f"{reason.replace('_', ' ')}: {meaning} ({len(rows)} images{some})"
        contact_sheet(title, cells).save(sheets / f"{reason}.png", optimize=False)
    log.info("%s", counts.to_string(index=False))


if __name__ == "__main__":
    run_command(main)
