"""Stage `report_cleaning`: dropped images by reason, as counts and contact sheets."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool
from matplotlib.figure import Figure

from herodex import paths
from herodex.class_sizes import class_sizes
from herodex.command import run_command
from herodex.curation.contact_sheets import Cell, contact_sheet
from herodex.curation.held_out_images import held_out_images
from herodex.curation.review_decisions import PERSON, Decision, orphaned_decisions, read_review
from herodex.dataset.manifest import NO_HASH, REASONS, read_clean, read_manifest, write_manifest
from herodex.params import load_params
from herodex.plotting import drawable, save_figure

log = logging.getLogger(__name__)

CONTACT_SHEETS = paths.CLEAN_REPORTS / "contact_sheets"
MAX_SHOWN = 64
"""Most images on a contact sheet, the worst ones if there are more."""
MAX_QUERIES = 40
"""Most queries in the plot and the log, those with the most dropped results if there are more."""
GROUPS = {
    "kept": ("#8fb996", ("kept",)),
    "not usable: download, format, size or quality": (
        "#b9bec7",
        (
            *("no_download", "truncated", "not_an_image", "unreadable", "too_large", "too_small"),
            *("odd_aspect", "too_dark", "too_light", "low_information", "blurry"),
        ),
    ),
    "duplicates": ("#74a9cf", ("exact_duplicate", "near_duplicate", "test_group")),
    "label, licence or a person's decision": (
        "#e8a33d",
        ("label_conflict", "label_error", "outlier", "review", "license"),
    ),
}
"""The parts of a bar in the plot: each with its colour, and the outcomes that it sums."""
LEAST_WRITTEN = 0.03
"""Least part of the longest bar that has room for its count."""


def count_reasons(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count search results by query and reason.

    Returns:
        a table with `query`, `results`, `kept`, a column for each reason that occurs, and `decided`, the
        number of results that a person decided about; its last row, `all`, holds the sums.
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


def summarise(
    manifest: pd.DataFrame,
    decisions: dict[str, Decision],
    classes: Sequence[str],
    held_out: Bool[np.ndarray, " n"],
) -> dict[str, Any]:
    """Summarise kept and dropped results, the sizes of classes, and the effect of review decisions.

    Args:
        manifest: after `curate_images`.
        decisions: of the review.
        classes: of the project.
        held_out: the rows of the user's test images, which no class learns from.
    """
    unreadable = manifest[(manifest["phash"] == NO_HASH) & manifest["sha256"].isin(decisions.keys())]
    return {
        "results": len(manifest),
        "kept": int((manifest["kept"] == "1").sum()),
        "dropped": {
            reason: int((manifest["dropped_for"] == reason).sum())
            for reason in REASONS
            if (manifest["dropped_for"] == reason).any()
        },
        "dropped_by_query": _dropped_by_query(manifest),
        "checks_off": checks_off(manifest),
        "images_to_learn_from": class_sizes(manifest[~held_out], classes),
        "decisions": {
            "keep": sum(decision.keep and not decision.label for decision in decisions.values()),
            "relabel": sum(decision.keep and bool(decision.label) for decision in decisions.values()),
            "drop": sum(not decision.keep for decision in decisions.values()),
        },
        "decided_images": int(manifest.loc[manifest["decided_by"] == PERSON, "sha256"].nunique()),
        "decisions_about_unreadable_images": sorted(set(unreadable["sha256"])),
        "orphaned_decisions": orphaned_decisions(manifest, decisions),
    }


def checks_off(manifest: pd.DataFrame) -> dict[str, list[str]]:
    """Return the checks that are switched off, each with its reason, by query."""
    found = manifest[manifest["checks_off"] != ""].drop_duplicates("query")
    return {row["query"]: row["checks_off"].split("; ") for row in found.to_dict("records")}


def _dropped_by_query(manifest: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count dropped results by query and reason."""
    counts = count_reasons(manifest).set_index("query").drop(index="all")
    return {
        str(query): {reason: int(row[reason]) for reason in REASONS if row.get(reason)}
        for query, row in counts.to_dict("index").items()
    }


def shorten_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Shorten the counts of `count_reasons` to the queries with the most dropped results.

    Returns:
        the table with at most `MAX_QUERIES` queries in their order, a row with the sums of the others, whose
        name says how many they are, and the row `all`.
    """
    queries, total = counts[counts["query"] != "all"], counts[counts["query"] == "all"]
    if len(queries) <= MAX_QUERIES:
        return counts
    dropped = (queries["results"] - queries["kept"]).sort_values(ascending=False, kind="stable")
    shown = queries.index.isin(dropped.index[:MAX_QUERIES])
    others = queries[~shown].drop(columns="query").sum().to_frame().T
    others.insert(0, "query", f"{len(queries) - MAX_QUERIES} others")
    return pd.concat([queries[shown], others, total], ignore_index=True)


def group_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Sum the counts of `count_reasons` to the groups of the plot, a row for each query."""
    rows = counts.set_index("query")
    return pd.DataFrame(
        {
            group: rows.reindex(columns=list(outcomes), fill_value=0).sum(axis=1)
            for group, (_, outcomes) in GROUPS.items()
        }
    )


def counts_figure(counts: pd.DataFrame) -> Figure:
    """Plot the counts of `count_reasons` as one stacked bar of four groups per query, kept images first.

    Of many queries, those with the most dropped results are shown, and the mean of the others.
    """
    short = shorten_counts(counts)
    rows = group_counts(short[short["query"] != "all"]).astype(float)
    left_out = int((counts["query"] != "all").sum()) - MAX_QUERIES
    label = "search results"
    if left_out > 0:
        rest = rows.iloc[-1]
        label += f"\n{left_out} other queries have {rest.sum():,.0f} results, {rest['kept']:,.0f} kept"
        rows.iloc[-1] = rest / left_out
        rows = rows.rename(index={rest.name: f"mean of {rest.name}"})
    figure = Figure(figsize=(9, 1.8 + 0.34 * len(rows)), layout="constrained")
    axes: Any = figure.subplots()
    start, longest = pd.Series(0.0, rows.index), rows.sum(axis=1).max()
    for group, (colour, _) in GROUPS.items():
        bars = axes.barh(range(len(rows)), rows[group], left=start, color=colour, label=group)
        written = [f"{count:.0f}" if count >= LEAST_WRITTEN * longest else "" for count in rows[group]]
        axes.bar_label(bars, written, label_type="center", fontsize=8, color="#1c1f24")
        start = start + rows[group]
    axes.set_yticks(range(len(rows)), [drawable(query) for query in rows.index])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlabel=label)
    figure.legend(loc="outside lower center", ncols=len(GROUPS), fontsize="small", frameon=False)
    return figure


def rows_to_show(manifest: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Select the decodable images dropped for a reason, each once, the worst first."""
    rows = manifest[(manifest["dropped_for"] == reason) & (manifest["phash"] != NO_HASH)]
    order = pd.to_numeric(rows["score"], errors="coerce").fillna(0)
    return rows.assign(order=order).sort_values(["order", "sha256", "query"]).drop_duplicates("sha256")


def cell(row: Mapping[Any, Any], file_of: dict[str, str]) -> Cell:
    """Make the cell of an image, beside the image that is kept if it is a duplicate."""
    images = [read_clean(row["file"])]
    if row["duplicate_of"] not in ("", row["sha256"]):
        images.append(read_clean(file_of[row["duplicate_of"]]))
    score = f" · {float(row['score']):.2f}" if row["score"] else ""
    looks_like = row["looks_like"]
    detail = f"looks like {looks_like}" if looks_like not in ("", row["query"]) else row["sha256"][:12]
    return images, f"{row['query']}{score}\n{detail}"


def save_contact_sheets(manifest: pd.DataFrame) -> None:
    """Save one contact sheet for each reason with decodable images."""
    CONTACT_SHEETS.mkdir(parents=True, exist_ok=True)
    readable = manifest[manifest["phash"] != NO_HASH].drop_duplicates("sha256")
    file_of = dict(zip(readable["sha256"], readable["file"], strict=True))
    for reason, meaning in REASONS.items():
        rows = rows_to_show(manifest, reason)
        if len(rows) == 0:
            continue
        cells = [cell(row, file_of) for row in rows.head(MAX_SHOWN).to_dict("records")]
        limit = f", the worst {len(cells)} shown" if len(cells) < len(rows) else ""
        title = f"{reason.replace('_', ' ')}: {meaning} ({len(rows)} images{limit})"
        contact_sheet(title, cells).save(CONTACT_SHEETS / f"{reason}.png", optimize=False)


def main() -> None:
    """Write `counts.csv`, `summary.json`, `counts.png` and the contact sheets to `reports/clean`."""
    params = load_params()
    manifest = read_manifest(paths.CURATED_IMAGES)
    decisions = read_review(paths.REVIEW, params)
    counts = count_reasons(manifest)
    write_manifest(counts, paths.CLEAN_REPORTS / "counts.csv")
    summary = summarise(manifest, decisions, params.classes, held_out_images(manifest, params))
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    (paths.CLEAN_REPORTS / "summary.json").write_text(text, encoding="utf-8")
    save_figure(counts_figure(counts), paths.CLEAN_REPORTS / "counts.png")
    save_contact_sheets(manifest)
    log.info("%s", shorten_counts(counts).to_string(index=False))
    off = checks_off(manifest)
    for query, checks in list(off.items())[:MAX_QUERIES]:
        log.info("%s: switched off: %s", query, "; ".join(checks))
    if len(off) > MAX_QUERIES:
        log.info("%d more queries have checks switched off: see summary.json", len(off) - MAX_QUERIES)


if __name__ == "__main__":
    run_command(main)
