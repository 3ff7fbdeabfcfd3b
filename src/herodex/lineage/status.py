"""`herodex status`: the age of data and models, what has changed, what is in use, and the next step."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from herodex import paths
from herodex.class_names import list_names
from herodex.committed_lock import git
from herodex.errors import UserError
from herodex.json_record import read_json
from herodex.lineage.bentos import PackedLineage, list_bentos
from herodex.lineage.lock import CODE, LOCK, ModelLineage, StageRecord, cause, read_lock
from herodex.lineage.registry import CHAMPION, by_alias
from herodex.stage_times import StageTime, read_times
from herodex.tracking import UnreachableError, connect

MODELS = ("classifier", "generator")
MADE_BY = {
    "images": "scrape_images",
    "names": "scrape_names",
    "words": "fetch_words",
    "classifier": "train_classifier",
    "generator": "train_generator",
}
"""The stages that made data and models."""
SNAPSHOTS = paths.PROJECT / paths.CRAWL_STATE / "snapshots"
"""The records of live crawls, with their dates."""
TIMEOUT_S = 2
MAX_NAMED = 4
UNKNOWN = "unknown"
"""The champion while MLflow does not answer."""
Found = TypeVar("Found")
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass
class Standing:
    """The hash of one kind of model at each place; empty where there is none or it is unknown."""

    folder: str = ""
    champion: str = ""
    packed: str = ""
    served: str = ""


@dataclass
class Status:
    """Everything that `herodex status` shows.

    Attributes:
        seconds: the age of data and models, None if it is not recorded.
        changed: paths and settings that have changed since the last run, by kind; None if no stage has run.
        uncommitted: locks, and the list of withdrawn sources, that differ from the last commit.
        models: by name.
        bento: the newest bento's tag, if there is one.
        service: the address that was asked.
        answered: whether a service with a lineage answers there.
        has_lock: whether the record of the last run is there.
        lock_in_git: whether git has it, though it is missing here.
        problems: places that could not be asked, and why.
        repairs: what to do about damaged files.
    """

    seconds: dict[str, float | None] = field(default_factory=dict[str, float | None])
    changed: dict[str, list[str]] | None = None
    uncommitted: list[str] = field(default_factory=list[str])
    models: dict[str, Standing] = field(default_factory=dict[str, Standing])
    bento: str = ""
    service: str = ""
    answered: bool = False
    has_lock: bool = False
    lock_in_git: bool = False
    problems: list[str] = field(default_factory=list[str])
    repairs: list[str] = field(default_factory=list[str])

    def read(self, reading: Callable[[], Found], otherwise: Found) -> Found:
        """Return what `reading` returns; if a file is damaged or a server away, note why, and go on."""
        try:
            return reading()
        except UnreachableError as error:
            self.problems.append(error.problem)
        except UserError as error:
            self.problems.append(error.problem)
            self.repairs.append(error.hint)
        return otherwise


def gather(service: str) -> Status:
    """Read the state of the project, of MLflow, of the bentos here, and of a service.

    Args:
        service: its address.
    """
    status = Status(service=service, models={name: Standing() for name in MODELS})
    if paths.LINEAGE.exists():
        status.read(lambda: _place(status, "folder", read_json(paths.LINEAGE)), None)
    status.has_lock = LOCK.exists()
    status.lock_in_git = not status.has_lock and git("cat-file", "-e", f"HEAD:./{LOCK}") is not None
    status.uncommitted = uncommitted_files()
    records: dict[str, StageRecord] = status.read(read_lock, {}) if status.has_lock else {}
    if records:
        status.changed = status.read(lambda: changed_since(dvc_status()), None)
    started = last_started(read_times("stage")) | live_crawls(records)
    logged = status.read(lambda: ask_mlflow(status, records), {})
    started = merge_starts(started, logged)
    status.seconds = {
        what: time.time() - started[stage] if stage in started else None for what, stage in MADE_BY.items()
    }
    bentos: list[PackedLineage] = status.read(list_bentos, [])
    if bentos:
        status.bento = bentos[0].tag
        _place(status, "packed", bentos[0].lineage)
    if served := ask_service(service):
        status.answered = True
        _place(status, "served", served)
    return status


def _place(status: Status, place: str, lineage: Mapping[str, ModelLineage]) -> None:
    """Note which models are at a place."""
    for name in MODELS:
        if name in lineage:
            setattr(status.models[name], place, lineage[name]["model"])


def last_started(times: Iterable[StageTime]) -> dict[str, float]:
    """Return when each stage last started on this machine, in seconds since 1970."""
    return {entry["stage"]: entry["started"] for entry in times}


def merge_starts(here: dict[str, float], logged: dict[str, float]) -> dict[str, float]:
    """Merge the starts of stages on this machine with those in MLflow.

    MLflow finds the training of a model by the model's content. It does not tell a repeated crawl from the
    first one, because both have the same cause, so for data this machine's record comes first.
    """
    trained = {stage: started for stage, started in logged.items() if stage.startswith("train_")}
    return logged | here | trained


def live_crawls(records: Mapping[str, StageRecord]) -> dict[str, float]:
    """Return when the live web was last crawled on this machine, by stage.

    A stage that runs again because its code has changed keeps the snapshot, and its own start says nothing.
    """
    live = [stage for stage, record in records.items() if record["params"].get("crawl.web") == "live"]
    dates = {stage: [read_json(file)["date"] for file in SNAPSHOTS.glob(f"{stage}-*.json")] for stage in live}
    return {
        stage: datetime.fromisoformat(max(found)).replace(tzinfo=UTC).timestamp()
        for stage, found in dates.items()
        if found
    }


def ask_mlflow(status: Status, records: Mapping[str, StageRecord]) -> dict[str, float]:
    """Note the champions, and return when stages ran.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    for standing in status.models.values():
        standing.champion = UNKNOWN
    started = logged_starts(status, records)
    for name in MODELS:
        champion = by_alias(name, CHAMPION)
        status.models[name].champion = champion.model if champion else ""
    return started


def logged_starts(status: Status, records: Mapping[str, StageRecord]) -> dict[str, float]:
    """Return when MLflow says that the stages ran that made what is here, for those that it knows.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    found: dict[str, float] = {}
    with connect() as store:
        for what, stage in MADE_BY.items():
            if stage not in records:
                continue
            model = status.models[what].folder if what in MODELS else ""
            tags = {"model": model} if model else {"cause": cause(records[stage])}
            ran = [run for run in store.search(stage=stage, **tags) if "restored" not in run.data.tags]
            if ran:
                found[stage] = ran[0].info.start_time / 1000
    return found


def dvc_status() -> dict[str, list[Any]]:
    """Return what `dvc status` says of each stage that is not up to date.

    Raises:
        UserError: DVC cannot read the project.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            # DVC's decorators hide the types of its methods.
            return cast("Any", repo).status()
    except DvcException as error:
        raise UserError(
            f"DVC cannot read the project: {error}.", "Run `dvc status`, which says more."
        ) from None


def changed_since(stages: Mapping[str, Iterable[Any]]) -> dict[str, list[str]]:
    """Group changes by kind: code, settings, libraries, data and outputs.

    Args:
        stages: of `dvc status`.
    """
    found: dict[str, set[str]] = {}
    for changes in stages.values():
        for change in changes:
            if not isinstance(change, dict):
                found.setdefault("stages", set()).add(str(change))
                continue
            for kind, entries in cast("dict[str, dict[str, Any]]", change).items():
                for path, what in entries.items():
                    name, items = _sort(kind, path, what)
                    found.setdefault(name, set()).update(items)
    outputs = {name.partition(" ")[0] for name in found.get("outputs", ())}
    data = found.get("data", set[str]()) - outputs
    # A later stage reads a whole section of the settings, and an earlier one the setting that has changed.
    settings = found.get("settings", set[str]())
    settings = {name for name in settings if not any(each.startswith(f"{name}.") for each in settings)}
    clear = found | {"data": data, "settings": settings}
    return {kind: sorted(names) for kind, names in sorted(clear.items()) if names}


def _sort(kind: str, path: str, what: Any) -> tuple[str, list[str]]:
    """Return the kind of one change, and what has changed."""
    if kind == "changed outs":
        return "outputs", [f"{path} ({what})"]
    if isinstance(what, dict):
        return ("settings" if path == str(paths.PARAMS) else "libraries"), list(cast("dict[str, Any]", what))
    is_code = path.startswith(CODE) or f"{path}/" in CODE
    return ("code" if is_code else "data"), [path]


def uncommitted_files() -> list[str]:
    """Return the locks and list of withdrawn sources that differ from the last commit; none outside git."""
    changed = git("status", "--porcelain", "--", str(LOCK), "uv.lock", str(paths.FORGOTTEN)) or b""
    return [line.split()[-1] for line in changed.decode().splitlines()]


def ask_service(address: str) -> dict[str, Any] | None:
    """Ask a service for the lineage of its models; None if none answers."""
    import httpx

    try:
        answer = httpx.get(f"{address.rstrip('/')}/api/lineage", timeout=TIMEOUT_S)
        found: object = answer.json() if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def describe(status: Status) -> str:
    """Write the status in a few lines."""
    ages = [f"{what} {age(seconds)}" for what, seconds in status.seconds.items()]
    lines = [
        f"age        {', '.join(ages)}",
        f"changed    {describe_changes(status)}",
        *(f"{name:<11}{describe_model(standing, status)}" for name, standing in status.models.items()),
        f"bento      {status.bento or 'none'}",
        f"service    {status.service}{'' if status.answered else ' does not answer'}",
        *(f"unknown    {problem}" for problem in status.problems),
        f"next       {next_step(status)}",
    ]
    return "\n".join(lines)


def age(seconds: float | None) -> str:
    """Write an age in its largest unit."""
    if seconds is None:
        return "of unknown age"
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if (count := int(seconds // unit)) > 0:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def describe_changes(status: Status) -> str:
    """Write what has changed since the last run and the last commit."""
    if status.changed is None:
        return UNKNOWN if status.has_lock else f"no stage has run: {LOCK} is missing"
    named = [f"{kind}: {list_names(names, MAX_NAMED)}" for kind, names in status.changed.items()]
    named += [f"{lock} is not committed" for lock in status.uncommitted]
    return "; ".join(named) or "nothing since the last run"


def describe_model(standing: Standing, status: Status) -> str:
    """Write which model is in the folder, champion, packed and served."""
    places = {"models/": standing.folder, "champion": standing.champion, "packed": standing.packed}
    places |= {"served": standing.served} if status.answered else {}
    hashes = {model for model in places.values() if model}
    if len(hashes) == 1 and all(places.values()):
        return f"{hashes.pop()[:12]}, the same in {', '.join(places)}"
    return ", ".join(f"{place} {model[:12] or 'none'}" for place, model in places.items())


def next_step(status: Status) -> str:
    """Name the next step and its reason."""
    models = status.models.items()
    steps = {
        f"{' '.join(status.repairs)}": bool(status.repairs),
        f"`git checkout {LOCK}` restores the record of the last run": status.lock_in_git,
        f"`make run`: no stage has run, or {Path(paths.LINEAGE)} is missing": status.changed is None
        or not any(standing.folder for _, standing in models),
        "`dvc checkout` restores the outputs of the last run, `make run` makes them anew": bool(
            status.changed
        )
        and status.changed.keys() == {"outputs"},
        "`make run`: see what has changed": bool(status.changed),
        "`make promote` compares the model in models/ with the champion: ": [
            name
            for name, standing in models
            if standing.folder and standing.champion not in (standing.folder, UNKNOWN)
        ],
        "`make bento` packs the champion: ": [
            name
            for name, standing in models
            if standing.champion not in ("", UNKNOWN) and standing.packed != standing.champion
        ],
        "restart the service with the newest bento: ": [
            name for name, standing in models if standing.served and standing.served != standing.packed
        ],
        f"commit {' and '.join(status.uncommitted)}": bool(status.uncommitted),
        "start MLflow: which models are champions is unknown": any(
            standing.champion == UNKNOWN for _, standing in models
        ),
    }
    for step, needed in steps.items():
        if needed:
            return step + (", ".join(needed) if isinstance(needed, list) else "")
    return "nothing: models are up to date, champion and packed"
