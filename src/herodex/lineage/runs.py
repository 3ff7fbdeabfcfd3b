"""Log the lineage to MLflow: a run for each stage under one for the `dvc repro`, and model versions.

A stage that DVC restored from its cache has not run. Its run is the earlier one with the same cause, the hash
of its code, params, libraries and inputs. Stages that do not log, because importing MLflow would take longer
than their work, get their run here, with the times that they have recorded.
"""

import json
import logging
import time
from typing import Any

from herodex import paths
from herodex.lineage.lock import ModelLineage, StageRecord, cause, fingerprint
from herodex.lineage.registry import kept_files, register
from herodex.stage_times import StageTime, read_times, repro_key
from herodex.tracking import PARENT, Store, UnreachableError, commit_tags, connect, send_pending

log = logging.getLogger(__name__)

ARTIFACT = "lineage.json"


def log_lineage(
    lineage: dict[str, ModelLineage],
    stages: dict[str, StageRecord],
    headlines: dict[str, dict[str, float]],
) -> None:
    """Log what MLflow lacks: runs, their hashes and inputs, and versions of both models.

    Args:
        lineage: of the models that have just been made, by name.
        stages: records of all stages that they depend on.
        headlines: figures of each model, for the run of the whole pipeline.
    """
    if not send_pending():
        return
    try:
        with connect() as store:
            _log(store, lineage, stages, headlines)
    except UnreachableError as error:
        log.warning("%s\n  fix: %s", error.problem, error.hint)


def _log(
    store: Store,
    lineage: dict[str, ModelLineage],
    stages: dict[str, StageRecord],
    headlines: dict[str, dict[str, float]],
) -> None:
    repro, times = repro_key(), {entry["stage"]: entry for entry in read_times("stage")}
    started = [entry["started"] for entry in times.values() if entry["repro"] == repro]
    parent = store.parent_run(repro, min(started, default=time.time()), commit_tags()) if repro else ""
    under_parent = {PARENT: parent} if parent else {}
    made = {f"{verb}_{name}": entry for name, entry in lineage.items() for verb in ("train", "evaluate")}
    runs = {
        f"stage.{stage}": _run_of(store, stage, record, made.get(stage, {}), times.get(stage), under_parent)
        for stage, record in stages.items()
    }
    for name, entry in lineage.items():
        _register(store, name, entry)
    if parent:
        store.set_tags(parent, runs | {name: entry["model"] for name, entry in lineage.items()})
        store.client.log_dict(parent, lineage, ARTIFACT)
        named = {f"{name}.{key}": value for name in lineage for key, value in headlines[name].items()}
        store.log_metrics(parent, named)
        # The parent is still running if all stages came from the cache.
        status = store.client.get_run(parent).info.status.replace("RUNNING", "FINISHED")
        store.client.set_terminated(parent, status)


def _run_of(
    store: Store,
    stage: str,
    record: StageRecord,
    made: ModelLineage,
    times: StageTime | None,
    under_parent: dict[str, str],
) -> str:
    """Find the run that made a stage's outputs, or log it; return its id."""
    fresh = store.search(stage=stage, **under_parent) if under_parent else []
    same_model = store.search(stage=stage, model=made["model"]) if made else []
    candidates = [
        *(run for run in fresh if run.info.status == "FINISHED" and "cause" not in run.data.tags),
        *store.search(stage=stage, cause=cause(record)),
        *(run for run in same_model if "cause" not in run.data.tags),
    ]
    if candidates and "cause" in candidates[0].data.tags:
        return candidates[0].info.run_id
    if candidates:
        run_id = candidates[0].info.run_id
    else:
        run = _describe_run(stage, record, made, times)
        restored = {} if times else {"restored": "true"}
        run_id = store.create_run(run, {"stage": stage, **commit_tags(), **restored, **under_parent})
        store.finish(run_id, "FINISHED", run["ended"])
    _add_hashes(store, run_id, record, made)
    return run_id


def _describe_run(
    stage: str, record: StageRecord, made: ModelLineage, times: StageTime | None
) -> dict[str, Any]:
    """Describe the run of a stage that does not log, or that DVC restored and has no times."""
    started = ended = time.time()
    if times:
        started, ended = times["started"], times["started"] + times["starting"] + times["running"]
    evaluated: dict[str, dict[str, float]] = made["metrics"] if stage.startswith("evaluate_") else {}
    # The same names as in the run of the stage itself.
    split = "test_" if stage == "evaluate_classifier" else ""
    return {
        "stage": stage,
        "started": started,
        "ended": ended,
        "params": record["params"],
        "metrics": [(f"{split}{name}", figure["value"], 0) for name, figure in evaluated.items()],
    }


def _add_hashes(store: Store, run_id: str, record: StageRecord, made: ModelLineage) -> None:
    """Tag a run with its hashes, and note what its stage has read by DVC's md5."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tags = {"cause": cause(record), "code": record["code"], "data": fingerprint(record["inputs"])}
    tags |= {key: json.dumps(record[key]) for key in ("libraries", "outputs")}
    tags |= {"model": made["model"]} if made else {}
    store.set_tags(run_id, tags)
    context = [InputTag("mlflow.data.context", "input")]
    inputs = {path: md5 for path, md5 in record["inputs"].items() if "/" in path}
    datasets = [Dataset(path, md5, "local", json.dumps({"uri": path})) for path, md5 in inputs.items()]
    store.client.log_inputs(run_id, [DatasetInput(dataset, context) for dataset in datasets])


def _register(store: Store, name: str, entry: ModelLineage) -> None:
    """Register a model's content, and keep its lineage, files and reports with its runs."""
    trained = store.search(stage=f"train_{name}", model=entry["model"])
    run = next((run for run in trained if run.outputs and run.outputs.model_outputs), trained[0])
    if ARTIFACT not in kept_files(store, run.info.run_id):
        store.client.log_dict(run.info.run_id, entry, ARTIFACT)
    evaluated = store.search(stage=f"evaluate_{name}", model=entry["model"])[0]
    # The run of a stage that DVC restored has no files yet.
    for made, folder in ((run, paths.MODELS / name), (evaluated, paths.REPORTS / name)):
        if name not in kept_files(store, made.info.run_id):
            store.client.log_artifacts(made.info.run_id, str(folder), name)
    register(store, name, entry["model"], run)
