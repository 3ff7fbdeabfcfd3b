"""The lineage in MLflow: a run for each stage under one for the whole `dvc repro`, and both models' versions.

A stage that DVC restored from its cache has executed nothing and logged nothing: it is found by its cause,
the hash of its code, params and inputs, and noted with the parent. A stage that logs nothing itself, because
importing MLflow would take longer than its work, gets its run here, with the times that it left.
"""

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from herodex import paths
from herodex.lineage.lock import StageRecord, cause, fingerprint
from herodex.stage_times import StageTime, read_stage_times, repro_key
from herodex.tracking import commit_tags, send_pending

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger(__name__)

ARTIFACT = "lineage.json"


def log_lineage(lineage: dict[str, dict[str, Any]], stages: dict[str, StageRecord]) -> None:
    """Log what is not there yet: runs, the hashes that tie them to their outputs, versions of the models."""
    if not send_pending():
        return
    from herodex.mlflow_log import UnreachableError, connect, parent_run, reaching, set_tags, tracking_uri

    uri = tracking_uri()
    try:
        client, experiment = connect(uri)
        with reaching(uri):
            repro, times = repro_key(), read_stage_times()
            parent = parent_run(client, experiment, repro, _earliest(times, repro)) if repro else ""
            tags = {
                f"stage.{name}": _run_of(client, experiment, parent, name, record, times.get(name), lineage)
                for name, record in stages.items()
            }
            for name, described in lineage.items():
                _register(client, experiment, name, described)
                tags[name] = described["model"]
            if parent:
                set_tags(client, parent, tags)
                client.log_artifact(parent, str(paths.LINEAGE))
                client.set_terminated(
                    parent, client.get_run(parent).info.status.replace("RUNNING", "FINISHED")
                )
    except UnreachableError as error:
        log.warning("%s\n  fix: %s", error.problem, error.hint)


def _earliest(times: dict[str, StageTime], repro: str) -> float:
    return min((entry["started"] for entry in times.values() if entry["repro"] == repro), default=time.time())


def _run_of(
    client: "MlflowClient",
    experiment: str,
    parent: str,
    stage: str,
    record: StageRecord,
    timed: StageTime | None,
    lineage: dict[str, dict[str, Any]],
) -> str:
    """Find the run that made a stage's outputs, or log it; returns its id."""
    from herodex.mlflow_log import PARENT, create_run, finish, log_datasets, search, set_tags

    tags = _tags(stage, record, lineage)
    fresh = search(client, experiment, stage=stage, **{PARENT: parent}) if parent else []
    fresh = [run for run in fresh if run.info.status == "FINISHED" and "cause" not in run.data.tags]
    known = search(client, experiment, stage=stage, cause=tags["cause"])
    if not fresh and not known and "model" in tags:
        untagged = search(client, experiment, stage=stage, model=tags["model"])
        fresh = [run for run in untagged if "cause" not in run.data.tags]
    if fresh:
        run_id = fresh[0].info.run_id
    elif known:
        return known[0].info.run_id
    else:
        now = time.time()
        started = timed["started"] if timed else now
        ended = started + timed["starting"] + timed["running"] if timed else now
        restored = {} if timed else {"restored": "true"}
        under = {PARENT: parent} if parent else {}
        figures = _figures(stage, lineage)
        made = {
            "stage": stage,
            "started": started,
            "ended": ended,
            "params": record["params"],
            "metrics": figures,
            "curves": {},
        }
        run_id = create_run(client, experiment, made, {"stage": stage, **commit_tags(), **restored, **under})
        finish(client, run_id, "FINISHED", ended)
    set_tags(client, run_id, tags)
    log_datasets(client, run_id, {path: md5 for path, md5 in record["inputs"].items() if "/" in path})
    return run_id


def _tags(stage: str, record: StageRecord, lineage: dict[str, dict[str, Any]]) -> dict[str, str]:
    tags = {
        "cause": cause(record),
        "code": record["code"],
        "data": fingerprint(record["inputs"]),
        "outputs": json.dumps(record["outputs"]),
    }
    for name, described in lineage.items():
        if stage in (f"train_{name}", f"evaluate_{name}"):
            tags["model"] = described["model"]
    return tags


def _figures(stage: str, lineage: dict[str, dict[str, Any]]) -> dict[str, float]:
    # MLflow takes fewer characters in a metric's name than a report does.
    for name, described in lineage.items():
        if stage == f"evaluate_{name}":
            return {key: figure["value"] for key, figure in described["metrics"].items()}
    return {}


def _register(client: "MlflowClient", experiment: str, name: str, described: dict[str, Any]) -> None:
    """Give the registered model a version for this content, unless it has one."""
    from herodex.mlflow_log import ensure_version, kept, search

    runs: list[Run] = search(client, experiment, stage=f"train_{name}", model=described["model"])
    run = next((run for run in runs if run.outputs and run.outputs.model_outputs), runs[0])
    if ARTIFACT not in kept(client, run):
        client.log_dict(run.info.run_id, described, ARTIFACT)
    (measured, *_) = search(client, experiment, stage=f"evaluate_{name}", model=described["model"])
    # A run that stands for what came out of DVC's cache has kept no files yet.
    for made, folder in ((run, paths.MODELS / name), (measured, paths.REPORTS / name)):
        if name not in kept(client, made):
            client.log_artifacts(made.info.run_id, str(folder), name)
    ensure_version(client, name, described["model"], run)
