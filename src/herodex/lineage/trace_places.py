"""Places where a withdrawn source may stand: the working tree, and earlier versions of its outputs."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from herodex import paths
from herodex.committed_lock import git
from herodex.dataset.bucket import download
from herodex.dataset.bucket_cache import AT_ONCE, Remote, remote_of, stored_shards
from herodex.dataset.shards import LIST, read_list
from herodex.json_record import read_json
from herodex.lineage.traces import Wanted, find_traces, traces_in, traces_in_text
from herodex.progress import track
from herodex.tracking import ARTIFACTS, DATABASE

WORKING_TREE = (paths.DATA, paths.MODELS, paths.REPORTS, paths.CRAWL_STATE.parent)
ENVIRONMENTS = (".venv", ".tools", ".git")
SHARDED = (paths.CLEAN_IMAGES, paths.FEATURES)
"""The outputs that may be in shards."""
DVC_CACHE, DVC_TEMPORARY = Path(".dvc") / "cache", Path(".dvc") / "tmp"
EXPORTED = "herodex.json"
"""The description beside exported models, see `herodex.portable`."""
CLEAN_CACHE = "dvc gc --workspace"
CLEAN_BUCKET = f"{CLEAN_CACHE}, then herodex bucket --older-than 0 --delete-unused"
CLEAN_REMOTE = "dvc push, then dvc gc --workspace --cloud"
MLFLOW_GC = "mlflow gc --backend-store-uri sqlite:///mlflow.db --tracking-uri sqlite:///mlflow.db"
GIT = f"git's history of {paths.DATA}"
MODEL = "earlier model"
"""A kind of trace: a model from before the present one, which may have learnt from withdrawn images."""


@dataclass(frozen=True)
class Place:
    """A place that keeps earlier versions.

    Attributes:
        name: of the place, for people.
        command: that removes its traces.
        found: the traces of each kind, added up.
        files: the number of files with traces.
    """

    name: str
    command: str
    found: Counter[str]
    files: int


@dataclass(frozen=True)
class Found:
    """The result of a search for every trace.

    Attributes:
        working: the traces in each file of the working tree.
        earlier: the places with traces in earlier versions.
        unsearched: places that cannot be searched from here.
    """

    working: Mapping[Path, Counter[str]]
    earlier: Sequence[Place]
    unsearched: Sequence[str]

    @property
    def removable(self) -> bool:
        """Whether earlier versions have traces other than in git's history, whose hashes the list has too."""
        return any(each.name != GIT for each in self.earlier)


def find_everywhere(sought: Wanted) -> Found:
    """Search the working tree, DVC's cache and remotes, MLflow, bentos and git's history."""
    working = find_traces([*working_files(), *other_files()], sought) | earlier_exports()
    used, unused = find_in_bucket(sought)
    working |= used
    earlier = [
        *_as_place("the bucket of shards", CLEAN_BUCKET, unused),
        *_place("DVC's cache", CLEAN_CACHE, files_below(DVC_CACHE), sought),
        *_place(
            "DVC's experiments",
            "dvc exp remove --all-commits, and rm -r .dvc/tmp/exps",
            files_below(DVC_TEMPORARY),
            sought,
        ),
    ]
    remotes, unsearched = dvc_remotes()
    for name, folder in remotes.items():
        earlier += _place(f"DVC's remote {name}", CLEAN_REMOTE, files_below(folder), sought)
    earlier += mlflow_runs(sought)
    for folder in bentos():
        tag = f"{folder.parent.name}:{folder.name}"
        earlier += _place(f"bento {tag}", f"bentoml delete {tag}", files_below(folder), sought)
    earlier += git_history(sought)
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        unsearched.append(f"MLflow at {uri}")
    return Found(working, earlier, [*unsearched, "containers", "copies that you passed on"])


def find_in_bucket(sought: Wanted) -> tuple[dict[Path, Counter[str]], dict[Path, Counter[str]]]:
    """Search the shards in the bucket, a few at a time on the disk.

    Returns:
        the traces in shards that the working tree uses, as if they were in it, and in others.

    Raises:
        UserError: the bucket cannot be used.
    """
    remote = remote_of(paths.CLEAN_IMAGES)
    if remote is None or not sought.digests:
        return {}, {}
    lists = {folder: read_list(folder) for folder in SHARDED if (folder / LIST).exists()}
    place_of = {shard.name: folder / shard.name for folder, shards in lists.items() for shard in shards}
    names = [each.name for each in stored_shards(remote)]
    remote.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=remote.cache) as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        work = partial(_traces_in_stored, remote, Path(folder), sought)
        every = zip(names, track(pool.map(work, names), len(names), "search", "shards"), strict=True)
        found = {name: traces for name, traces in every if traces}
    return (
        {place_of[name]: traces for name, traces in found.items() if name in place_of},
        {Path(name): traces for name, traces in found.items() if name not in place_of},
    )


def _traces_in_stored(remote: Remote, folder: Path, sought: Wanted, name: str) -> Counter[str]:
    file = folder / name
    download(remote.bucket, name, file)
    try:
        return traces_in(file, sought)
    finally:
        file.unlink()


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, at any depth."""
    return (path for path in folder.rglob("*") if path.is_file())


def working_files() -> Iterator[Path]:
    """Yield the files of data, models, reports and caches."""
    for folder in WORKING_TREE:
        yield from files_below(folder)


def other_files() -> list[Path]:
    """List files elsewhere in the project that git does not track, such as exported models and answers."""
    known = (*ENVIRONMENTS, *map(str, WORKING_TREE), ".dvc", DATABASE.name, ARTIFACTS.name)
    names = git("ls-files", "-z", "--others", "--", ".", *(f":(exclude){name}" for name in known)) or b""
    files = [Path(os.fsdecode(name)) for name in names.split(b"\0") if name]
    skipped = {f"{DATABASE.name}{end}" for end in ("-wal", "-shm", ".lock")} | {"__pycache__"}
    return [file for file in files if skipped.isdisjoint(file.parts) and file.is_file()]


def earlier_exports() -> dict[Path, Counter[str]]:
    """Find exported models in the project that are not those of `models/`."""
    if not paths.LINEAGE.exists():
        return {}
    model = read_json(paths.LINEAGE).get("classifier", {}).get("model")
    exports = [file for file in other_files() if file.name == EXPORTED]
    return {file: Counter({MODEL: 1}) for file in exports if read_json(file).get("model") != model}


def _place(name: str, command: str, files: Iterable[Path], sought: Wanted) -> list[Place]:
    return _as_place(name, command, find_traces(files, sought))


def _as_place(name: str, command: str, found: Mapping[Path, Counter[str]]) -> list[Place]:
    return [Place(name, command, sum(found.values(), Counter[str]()), len(found))] if found else []


def dvc_remotes() -> tuple[dict[str, Path], list[str]]:
    """Return DVC's remotes that are folders of this machine, and the names of the others."""
    if not DVC_CACHE.parent.is_dir():
        return {}, []
    from dvc.config import Config, ConfigError

    try:
        remotes = cast("dict[str, dict[str, Any]]", Config(str(DVC_CACHE.parent)).get("remote", {}))
    except ConfigError as error:
        return {}, [f"DVC's remotes, because its settings cannot be read ({error})"]
    urls = {name: str(settings.get("url", "")) for name, settings in remotes.items()}
    local = {name: Path(url) for name, url in urls.items() if Path(url).is_dir()}
    return local, [f"DVC's remote {name} ({url})" for name, url in urls.items() if name not in local]


def mlflow_runs(sought: Wanted) -> list[Place]:
    """Search MLflow's database and the artifacts of each run and model."""
    database = _place(
        "MLflow's database",
        f"delete the runs that are named here, then {MLFLOW_GC}",
        [DATABASE] if DATABASE.exists() else [],
        sought,
    )
    found = find_traces(files_below(ARTIFACTS), sought)
    runs: dict[str, dict[Path, Counter[str]]] = {}
    for file, traces in found.items():
        runs.setdefault(file.relative_to(ARTIFACTS).parts[0], {})[file] = traces
    return database + [
        place
        for run, files in runs.items()
        for place in _as_place(
            f"MLflow's run {run}", f"mlflow runs delete --run-id {run}, then {MLFLOW_GC}", files
        )
    ]


def bentos() -> list[Path]:
    """List the folders of the bentos on this machine that contain models of Herodex."""
    store = Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml") / "bentos"
    return sorted(file.parents[2] for file in store.glob(f"*/*/src/{paths.LINEAGE}"))


def git_history(sought: Wanted) -> list[Place]:
    """Search all commits for traces in committed data, such as review decisions."""
    forgotten = f":(exclude){paths.FORGOTTEN}"
    log = (
        git("log", "--all", "--no-color", "--format=%x00%h", "--patch", "--", str(paths.DATA), forgotten)
        or b""
    )
    commits = [commit.partition(b"\n") for commit in log.split(b"\0")[1:]]
    found = {
        Path(commit.decode()): traces
        for commit, _, patch in commits
        if (traces := traces_in_text(patch, sought))
    }
    command = "rewrite it with git filter-repo, or keep it: review.csv has hashes and no names"
    return [Place(GIT, command, sum(found.values(), Counter[str]()), len(found))] if found else []


def describe_found(found: Found) -> str:
    """List the traces, and the commands that remove earlier versions; name places that are not searched."""
    searched = ", ".join(map(str, WORKING_TREE))
    count = len(found.working)
    head = f"{count} file{'' if count == 1 else 's'} with traces" if count else "no trace"
    lines = [f"{head} in {searched} and the project's other untracked files"]
    lines += [f"{file}: {_kinds(kinds)}" for file, kinds in found.working.items()]
    if found.earlier:
        lines.append("earlier versions with traces, and how to remove them, after `make run`:")
        lines += [
            f"{each.name}: {_files(each)} ({_kinds(each.found)}): {each.command}" for each in found.earlier
        ]
    else:
        lines.append("no trace in DVC's cache and local remotes, MLflow, bentos and git's history")
    lines.append(f"Not searched: what contact sheets and plots show, {', '.join(found.unsearched)}.")
    return "\n".join(lines)


def _files(place: Place) -> str:
    noun = "commit" if place.name == GIT else "file"
    return f"{place.files} {noun}{'' if place.files == 1 else 's'}"


def _kinds(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
