"""`herodex trace`: from a model, run, bento, image or name back to its sources and on to its uses."""

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from herodex import paths
from herodex.dataset.manifest import PARTS
from herodex.errors import UserError
from herodex.json_record import parse_json, read_json
from herodex.lineage.bentos import PackedLineage, list_bentos
from herodex.lineage.counts import Row, read_rows
from herodex.lineage.lock import ModelLineage, StageRecord
from herodex.lineage.registry import list_versions, read_kept
from herodex.lineage.tree import Node
from herodex.params import FROM_FEEDBACK
from herodex.statistics import in_words
from herodex.tracking import Store, connect

if TYPE_CHECKING:
    import mlflow.entities

MODELS = ("classifier", "generator")
PAGES = 3
"""Pages listed under a model; a trace of its image or name finds each other one."""
METRICS = 3
SHORT = 12
TRAIN_AGAIN = "Trace it with the version that made it, or make a new model: `make run`."


@dataclass
class Known:
    """Everything that can be traced.

    Attributes:
        models: name and lineage of each model by its hash, from the project, bentos and MLflow.
        versions: the registry's versions of each model, in words.
        images: rows of `split_images`.
        names: rows of `split_names`.
    """

    models: dict[str, tuple[str, ModelLineage]] = field(default_factory=dict[str, tuple[str, ModelLineage]])
    bentos: list[PackedLineage] = field(default_factory=list[PackedLineage])
    runs: list["mlflow.entities.Run"] = field(default_factory=list["mlflow.entities.Run"])
    versions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    images: list[Row] = field(default_factory=list[Row])
    names: list[Row] = field(default_factory=list[Row])


def gather() -> Known:
    """Read everything that can be traced; missing sources are left out.

    Raises:
        UserError: MLflow does not answer.
    """
    with connect() as store:
        runs = list(store.client.search_runs([store.experiment], max_results=5000))
        lineages = _logged_lineages(store, runs)
    known = Known(bentos=list_bentos(), runs=runs)
    for name in MODELS:
        for version in list_versions(name):
            text = ", ".join([f"registered model {name}, version {version.number}", *version.aliases])
            known.versions.setdefault(version.model, []).append(text)
    if paths.SPLIT_IMAGES.exists():
        known.images = read_rows(paths.SPLIT_IMAGES)
    if paths.SPLIT_NAMES.exists():
        known.names = read_rows(paths.SPLIT_NAMES)
    lineages += [bento.lineage for bento in known.bentos]
    if paths.LINEAGE.exists():
        lineages.append(read_json(paths.LINEAGE))
    for lineage in lineages:
        known.models |= {entry["model"]: (name, entry) for name, entry in lineage.items()}
    return known


def _logged_lineages(store: Store, runs: list["mlflow.entities.Run"]) -> list[dict[str, ModelLineage]]:
    """Read the lineage that training runs keep, once for each model."""
    found: dict[str, dict[str, ModelLineage]] = {}
    for run in runs:
        verb, _, name = run.data.tags.get("stage", "").partition("_")
        model = run.data.tags.get("model", "")
        if verb != "train" or not model or model in found:
            continue
        if text := read_kept(store, run.info.run_id, "lineage.json"):
            found[model] = {name: parse_json(text, f"The lineage of run {run.info.run_id}", TRAIN_AGAIN)}
    return list(found.values())


def trace(key: str, known: Known) -> Node:
    """Draw where something comes from and where it is used.

    Args:
        key: a model's or image's sha256, a run's id, a bento's tag, or a name; 6 digits of a hash are enough.
        known: everything that can be traced.

    Raises:
        UserError: nothing matches the key, or several things do.
    """
    if re.fullmatch(r"[0-9a-f]{6,64}", key):
        if models := [model for model in known.models if model.startswith(key)]:
            return trace_model(_only(models, key), known)
        if runs := {run.info.run_id: run for run in known.runs if run.info.run_id.startswith(key)}:
            return trace_run(runs[_only(list(runs), key)], known)
        if rows := [row for row in known.images if row["sha256"].startswith(key)]:
            _only(sorted({row["sha256"] for row in rows}), key)
            return trace_image(rows, known)
    newest = key.removesuffix(":latest")
    if bentos := [bento for bento in known.bentos if key == bento.tag or newest == bento.tag.split(":")[0]]:
        return trace_bento(bentos[0], known)
    if rows := [row for row in known.names if key.casefold() in (row["name"].casefold(), row["text"])]:
        return trace_name(rows[0], known)
    raise UserError(
        f"No model, run, bento, image or name is known as '{key}'.",
        "Give the `model` of an answer, a run's id, a bento's tag, an image's sha256, or a listed name.",
    )


def trace_model(model: str, known: Known) -> Node:
    """Draw a model's runs, metrics, training data, stages and uses."""
    name, entry = known.models[model]
    root = Node(f"{name} {model}")
    add_runs(root, model, known)
    metrics = root.add("metrics on the test split")
    for metric, figure in list(entry["metrics"].items())[:METRICS]:
        metrics.add(f"{metric} {in_words(figure)}")
    add_data(root.add("trained and tested on"), entry, known)
    stages = root.add("made by these stages, in order")
    for stage, record in entry["stages"].items():
        add_stage(stages, stage, record)
    add_uses(root.add("in use"), model, name, known)
    return root


def add_data(node: Node, entry: ModelLineage, known: Known) -> None:
    """Add a model's backbone, the counts of its data, and some of the training pages."""
    if backbone := entry.get("backbone"):
        weights = backbone["ir_sha256"][:SHORT]
        node.add(f"{backbone['name']}, {backbone['weights']} weights, {backbone['source']}, IR {weights}")
    data, of_images = entry["data"], "found" in entry["data"]
    counted = node.add(
        f"{data['used']} {'images' if of_images else 'names'}: {format_pairs(data['by_part'])}"
    )
    for key in ("by_source", "by_license", "by_host"):
        if key in data:
            counted.add(f"{key.removeprefix('by_')}: {format_pairs(data[key])}")
    rows = [row for row in (known.images if of_images else known.names) if row.get("part") == "train"]
    pages = counted.add(f"pages: the first {min(PAGES, len(rows))} of {len(rows)}")
    for row in rows[:PAGES]:
        pages.add(describe_source(row))


def add_stage(node: Node, name: str, record: StageRecord) -> None:
    """Add a stage with the hash of its code, its params and libraries, and its inputs and outputs."""
    stage = node.add(f"{name}: code {record['code'][:SHORT]}, {len(record['params'])} params")
    # The lineage of older models names no libraries.
    if libraries := record.get("libraries"):
        stage.add(f"libraries: {format_pairs(libraries)}")
    for path, md5 in record["inputs"].items():
        stage.add(f"← {path} {md5[:SHORT]}")
    for path, md5 in record["outputs"].items():
        stage.add(f"→ {path} {md5[:SHORT]}")


def add_runs(node: Node, model: str, known: Known) -> None:
    """Add the runs of the stages that trained or evaluated a model, the newest first."""
    made = node.add("made by")
    for run in known.runs:
        if run.data.tags.get("model") == model:
            made.add(describe_run(run))
    if not made.children:
        made.add("no known run")


def add_uses(node: Node, model: str, name: str, known: Known) -> None:
    """Add the registered versions and bentos that contain a model."""
    for version in known.versions.get(model, []):
        node.add(version)
    for bento in known.bentos:
        if bento.lineage.get(name, {}).get("model") == model:
            node.add(f"bento {bento.tag}" + (f", built from commit {bento.commit}" if bento.commit else ""))
    if not node.children:
        node.add("nowhere, as far as known")


def trace_run(run: "mlflow.entities.Run", known: Known) -> Node:
    """Draw a run and the models that depend on it."""
    root = Node(describe_run(run))
    tags = run.data.tags
    for key in ("code", "data", "cause"):
        if key in tags:
            root.add(f"{key} {tags[key]}")
    if libraries := json.loads(tags.get("libraries", "{}")):
        root.add(f"libraries: {format_pairs(libraries)}")
    outputs = json.loads(tags.get("outputs", "{}"))
    for path, md5 in outputs.items():
        root.add(f"→ {path} {md5}")
    models = {tags[key] for key in ("model", *MODELS) if key in tags} & known.models.keys()
    if outputs and not models:
        stage = tags.get("stage", "")
        models = {
            model
            for model, (_, entry) in known.models.items()
            if entry["stages"].get(stage, {}).get("outputs") == outputs
        }
    root.children += [trace_model(model, known) for model in sorted(models)]
    return root


def trace_bento(bento: PackedLineage, known: Known) -> Node:
    """Draw a bento and its models."""
    root = Node(f"bento {bento.tag}")
    root.add(f"built from commit {bento.commit}" if bento.commit else "built from an unknown commit")
    for entry in bento.lineage.values():
        root.children.append(trace_model(entry["model"], known))
    return root


def trace_image(rows: list[Row], known: Known) -> Node:
    """Draw where an image was found, whether it was kept, and which model it trains or tests."""
    root = Node(f"image {rows[0]['sha256']}")
    for row in rows:
        found = root.add(describe_find(row))
        found.add(f"page {describe_source(row)}")
        found.add(f"image {row['image_url']}")
        if row["part"] in PARTS:
            found.add(f"{row['part']} split, as {row['label']}, in duplicate group {row['duplicate_group']}")
        else:
            duplicate = f", duplicate of {row['duplicate_of']}" if row["duplicate_of"] else ""
            found.add(f"set aside: {row['dropped_for']}{duplicate}")
    add_reader(root, "classifier", {row["part"] for row in rows if row["part"] in PARTS}, known)
    return root


def trace_name(row: Row, known: Known) -> Node:
    """Draw where a name comes from, and which model it trains or tests."""
    root = Node(f"name {row['name']}")
    root.add(f"page {row['page_url']}" if row["page_url"] else "from the user's list, without a page")
    root.add(f"{row['part']} split, as '{row['text']}'")
    add_reader(root, "generator", {row["part"]}, known)
    return root


def add_reader(root: Node, name: str, parts: set[str], known: Known) -> None:
    """Add the project's current model if the data is in one of its splits."""
    if not parts or not paths.LINEAGE.exists():
        return
    lineage = read_json(paths.LINEAGE)
    if name not in lineage:
        return
    model = lineage[name]["model"]
    reader = root.add(f"{name} {model}, {'tested' if parts == {'test'} else 'trained'} on it")
    add_runs(reader, model, known)
    add_uses(reader.add("in use"), model, name, known)


def describe_run(run: "mlflow.entities.Run") -> str:
    """Describe a run by its id, stage and commit."""
    tags = run.data.tags
    commit = tags.get("mlflow.source.git.commit", "unknown")[:SHORT]
    changed = ", with uncommitted changes" if tags.get("changed_since_commit") == "true" else ""
    restored = ", restored from DVC's cache" if tags.get("restored") else ""
    return f"run {run.info.run_id} {run.info.run_name}, commit {commit}{changed}{restored}"


def describe_find(row: Row) -> str:
    """Describe how an image came into the data set."""
    if row["source"] == FROM_FEEDBACK:
        return f"source {FROM_FEEDBACK}: reported by a visitor, accepted as {row['query']}"
    return f"result {row['rank']} of the search for {row['query']}, by {row['source']}"


def describe_source(row: Row) -> str:
    """Describe a row's page, and an image's title, author, licence and hash."""
    if "name" in row:
        return f"{row['page_url'] or 'given'} ({row['name']})"
    about = ", ".join(row[key] for key in ("title", "author", "license") if row[key])
    return f"{row['page_url'] or row.get('file') or 'given'} ({about}) {row['sha256'][:SHORT]}"


def format_pairs(values: dict[str, Any]) -> str:
    """Format a mapping in one line: train 488, test 147."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _only(found: list[str], key: str) -> str:
    if len(found) > 1:
        raise UserError(f"'{key}' begins {len(found)} hashes: {', '.join(found)}.", "Give more digits.")
    return found[0]
