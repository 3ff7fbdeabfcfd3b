"""`herodex trace`: from a model, a run, a bento, an image or a name, back to pages and on to answers."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from herodex import paths
from herodex.errors import UserError
from herodex.lineage.bentos import PackedLineage, list_bentos
from herodex.lineage.counts import Row, read_rows
from herodex.lineage.tree import Node

PAGES = 3
"""Pages that are listed under a model; each of the others is found by its image or name."""
ROOMS = ("classifier", "generator")
SHORT = 12

Described = dict[str, Any]


@dataclass
class Known:
    """All that can be traced: lineage by model, from the project, from bentos and from MLflow, and tables."""

    models: dict[str, tuple[str, Described]] = field(default_factory=dict)
    bentos: list[PackedLineage] = field(default_factory=list)
    runs: list[Any] = field(default_factory=list)
    versions: dict[str, list[str]] = field(default_factory=dict)
    images: list[Row] = field(default_factory=list)
    names: list[Row] = field(default_factory=list)


def gather() -> Known:
    """Read all that is at hand; what is not there is left out.

    Raises:
        UserError: MLflow does not answer.
    """
    from herodex.mlflow_log import tracked_lineages, tracked_runs, tracked_versions

    known = Known(bentos=list_bentos(), runs=tracked_runs(), versions=tracked_versions(ROOMS))
    if paths.SPLIT_IMAGES.exists():
        known.images = read_rows(paths.SPLIT_IMAGES)
    if paths.SPLIT_NAMES.exists():
        known.names = read_rows(paths.SPLIT_NAMES)
    lineages = [bento.lineage for bento in known.bentos]
    if paths.LINEAGE.exists():
        lineages.append(json.loads(paths.LINEAGE.read_text(encoding="utf-8")))
    for lineage in [*tracked_lineages(known.runs), *lineages]:
        known.models |= {described["model"]: (room, described) for room, described in lineage.items()}
    return known


def trace(end: str, known: Known) -> Node:
    """Draw the way from one end: a model's sha256, a run's id, a bento's tag, an image's sha256, or a name.

    Of a hash or an id, the first 6 digits are enough.

    Raises:
        UserError: nothing is known by that.
    """
    if re.fullmatch(r"[0-9a-f]{6,64}", end):
        if models := [model for model in known.models if model.startswith(end)]:
            return trace_model(_only(models, end), known)
        if runs := [run for run in known.runs if run.info.run_id.startswith(end)]:
            _only([run.info.run_id for run in runs], end)
            return trace_run(runs[0], known)
        if rows := [row for row in known.images if row["sha256"].startswith(end)]:
            _only(sorted({row["sha256"] for row in rows}), end)
            return trace_image(rows, known)
    newest = end.removesuffix(":latest")
    if bentos := [bento for bento in known.bentos if end == bento.tag or newest == bento.tag.split(":")[0]]:
        return trace_bento(bentos[0], known)
    if rows := [row for row in known.names if end.casefold() in (row["name"].casefold(), row["text"])]:
        return trace_name(rows[0], known)
    raise UserError(
        f"No model, run, bento, image or name is known as '{end}'.",
        "Give the `model` of an answer, a run's id, a bento's tag, an image's sha256, or a listed name.",
    )


def trace_model(model: str, known: Known) -> Node:
    """Draw what a model comes from, and where it is in use."""
    room, described = known.models[model]
    root = Node(f"{room} {model}")
    made = root.add("made by")
    for run in runs_of(model, known):
        made.add(word_run(run))
    if not made.children:
        made.add("no run that is known here")
    measured = root.add("measured on the test part")
    for name, figure in list(described["metrics"].items())[:PAGES]:
        low, high = figure["low"], figure["high"]
        measured.add(f"{name} {figure['value']:.3f} [{low:.3f}, {high:.3f}], n = {figure['n']}")
    add_sources(root.add("learnt from and tested on"), room, described, known)
    stages = root.add("by these stages, in their order")
    for name, record in described["stages"].items():
        add_stage(stages, name, record)
    add_uses(root.add("in use"), model, room, known)
    return root


def add_sources(node: Node, room: str, described: Described, known: Known) -> None:
    """Hang what a model has seen under a node: the backbone, counts, and some of the pages learnt from."""
    if backbone := described.get("backbone"):
        weights = backbone["ir_sha256"][:SHORT]
        node.add(f"{backbone['name']}, {backbone['weights']} weights, {backbone['source']}, IR {weights}")
    data = described["data"]
    counted = node.add(f"{data['used']} {'images' if 'found' in data else 'names'}: {word(data['by_part'])}")
    for key in ("by_source", "by_license", "by_host"):
        if key in data:
            counted.add(f"{key.removeprefix('by_')}: {word(data[key])}")
    rows = [row for row in (known.images if "found" in data else known.names) if row.get("part") == "train"]
    pages = counted.add(f"pages, of which this shows {min(PAGES, len(rows))}")
    for row in rows[:PAGES]:
        pages.add(word_source(row))


def add_stage(node: Node, name: str, record: dict[str, Any]) -> None:
    """Hang a stage under a node: its code, its inputs and its outputs by their hashes."""
    stage = node.add(f"{name}: code {record['code'][:SHORT]}, {len(record['params'])} params")
    for kind, sign in (("inputs", "←"), ("outputs", "→")):
        for path, md5 in record[kind].items():
            stage.add(f"{sign} {path} {md5[:SHORT]}")


def add_uses(node: Node, model: str, room: str, known: Known) -> None:
    """Hang where a model is in use under a node: the registry's version, and bentos."""
    for version in known.versions.get(model, []):
        node.add(version)
    for bento in known.bentos:
        if bento.lineage.get(room, {}).get("model") == model:
            node.add(f"bento {bento.tag}" + (f", built from commit {bento.commit}" if bento.commit else ""))
    if not node.children:
        node.add("nowhere that is known here")


def trace_run(run: Any, known: Known) -> Node:
    """Draw a run, and the model that it made or measured, or what its stage passed on."""
    root = Node(word_run(run))
    tags = run.data.tags
    for key in ("code", "data", "cause"):
        if key in tags:
            root.add(f"{key} {tags[key]}")
    if "outputs" in tags:
        for path, md5 in json.loads(tags["outputs"]).items():
            root.add(f"→ {path} {md5}")
    models = {tags[key] for key in ("model", *ROOMS) if key in tags} & known.models.keys()
    if not models:
        models = {model for model, (_, described) in known.models.items() if _went_into(run, described)}
    root.children += [trace_model(model, known) for model in sorted(models)]
    return root


def _went_into(run: Any, described: Described) -> bool:
    stage, made = run.data.tags.get("stage"), json.loads(run.data.tags.get("outputs", "{}"))
    return bool(made) and described["stages"].get(stage, {}).get("outputs") == made


def trace_bento(bento: PackedLineage, known: Known) -> Node:
    """Draw a bento and both models that are in it."""
    root = Node(f"bento {bento.tag}")
    root.add(f"built from commit {bento.commit}" if bento.commit else "built from no known commit")
    for described in bento.lineage.values():
        root.children.append(trace_model(described["model"], known))
    return root


def trace_image(rows: list[Row], known: Known) -> Node:
    """Draw where an image was found, what became of it, and which model was learnt from or tested on it."""
    root = Node(f"image {rows[0]['sha256']}")
    for row in rows:
        found = root.add(f"result {row['rank']} of the search for {row['query']}, by {row['source']}")
        found.add(f"page {word_source(row)}")
        found.add(f"image {row['image_url']}")
        if row["part"]:
            found.add(f"{row['part']} part, as {row['label']}, among the copies of {row['duplicate_group']}")
        else:
            copied = f", copy of {row['duplicate_of']}" if row["duplicate_of"] else ""
            found.add(f"set aside: {row['dropped_for']}{copied}")
    parts = {row["part"] for row in rows if row["part"]}
    add_readers(root, "classifier", parts, known)
    return root


def trace_name(row: Row, known: Known) -> Node:
    """Draw where a name comes from, and which models were learnt from or tested on it."""
    root = Node(f"name {row['name']}")
    root.add(f"page {row['page_url'] or 'none: it was given'}")
    root.add(f"{row['part']} part, as '{row['text']}'")
    add_readers(root, "generator", {row["part"]}, known)
    return root


def add_readers(root: Node, room: str, parts: set[str], known: Known) -> None:
    """Hang the model of the project's folder under what it has read; nothing where that was in no part."""
    if not parts or not paths.LINEAGE.exists():
        return
    model = json.loads(paths.LINEAGE.read_text(encoding="utf-8"))[room]["model"]
    verb = "tested on it" if parts == {"test"} else "learnt from it"
    reader = root.add(f"{room} {model}, {verb}")
    made = reader.add("made by")
    for run in runs_of(model, known):
        made.add(word_run(run))
    add_uses(reader.add("in use"), model, room, known)


def runs_of(model: str, known: Known) -> list[Any]:
    """The runs of stages that made or measured a model, the newest first."""
    return [run for run in known.runs if run.data.tags.get("model") == model]


def word_run(run: Any) -> str:
    """Word a run: its id, its stage, and the commit that it ran on."""
    tags = run.data.tags
    commit = tags.get("mlflow.source.git.commit", "unknown")[:SHORT]
    changed = ", with changes" if tags.get("changed_since_commit") == "true" else ""
    restored = ", restored from DVC's cache" if tags.get("restored") else ""
    return f"run {run.info.run_id} {run.info.run_name}, commit {commit}{changed}{restored}"


def word_source(row: Row) -> str:
    """Word where a row comes from: the page, and of an image its title, author and licence."""
    if "name" in row:
        return f"{row['page_url'] or 'given'} ({row['name']})"
    about = ", ".join(row[key] for key in ("title", "author", "license") if row[key])
    return f"{row['page_url'] or row.get('file') or 'given'} ({about}) {row['sha256'][:SHORT]}"


def word(counts: dict[str, int]) -> str:
    """Word counts: train 488, test 147."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _only(found: list[str], end: str) -> str:
    if len(found) > 1:
        raise UserError(f"'{end}' begins {len(found)} hashes: {', '.join(found)}.", "Give more digits.")
    return found[0]
