"""`herodex bucket`: the shards in the bucket, which versions of the data use them, and which nobody uses."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import yaml

from herodex import paths
from herodex.committed_lock import git, parse_lock
from herodex.dataset.bucket import Stored, delete
from herodex.dataset.bucket_cache import Remote, remote_of, stored_shards, uploading
from herodex.dataset.shards import LIST, Shard, check_shards, read_list, write_list
from herodex.errors import UserError
from herodex.lineage.lock import LOCK
from herodex.lineage.trace_places import DVC_CACHE, SHARDED
from herodex.pipeline_graph import overlap

LAST = "record_lineage"
"""The stage that records the hashes of all outputs, so that it runs after a move."""
LAYOUT = "storage.layout"
MOVED = f"Set storage.bucket, and {LAYOUT} to bucket, in params.yaml."


@dataclass(frozen=True)
class Plan:
    """The files in a bucket by who uses them.

    Attributes:
        used: by the working tree.
        earlier: by other versions in DVC's cache or in the commits that were named.
        young: by none of these, but uploaded a short time ago, perhaps by a run that has not finished.
        unused: by none of these.
        missing: names that the working tree needs and the bucket lacks.
        damaged: names of files with another size.
    """

    used: Sequence[Stored]
    earlier: Sequence[Stored]
    young: Sequence[Stored]
    unused: Sequence[Stored]
    missing: Sequence[str]
    damaged: Sequence[str]


def project_remote() -> Remote:
    """Return the bucket of this project.

    Raises:
        UserError: it has none.
    """
    remote = remote_of(paths.CLEAN_IMAGES)
    if remote is None:
        raise UserError("The shards of this project are in no bucket.", MOVED)
    return remote


def lists_here() -> dict[Path, list[Shard]]:
    """Read the lists of shards of the working tree.

    Raises:
        UserError: there is none, so that it is unknown what is in use, or one is damaged.
    """
    found = {folder: read_list(folder) for folder in SHARDED if (folder / LIST).exists()}
    if len(found) < len(SHARDED):
        absent = " and ".join(str(folder / LIST) for folder in SHARDED if folder not in found)
        raise UserError(
            f"{absent} is missing, so it is unknown which shards are in use.", "Run `dvc checkout`."
        )
    return found


def plan(remote: Remote, revisions: Iterable[str], older_than_h: float) -> Plan:
    """Find out which shards of the bucket are in use.

    Args:
        remote: with the bucket.
        revisions: commits, branches or tags whose shards count as used.
        older_than_h: hours for which a shard is kept in any case.

    Raises:
        UserError: the bucket cannot be used, or a list of shards cannot be read.
    """
    here = {shard.name: shard.bytes for shards in lists_here().values() for shard in shards}
    earlier = names_in_cache() | {name for revision in revisions for name in names_at(revision)}
    stored = stored_shards(remote)
    limit = datetime.now(UTC) - timedelta(hours=older_than_h)
    free = [each for each in stored if each.name not in here and each.name not in earlier]
    sizes = {each.name: each.bytes for each in stored}
    return Plan(
        [each for each in stored if each.name in here],
        [each for each in stored if each.name in earlier - here.keys()],
        [each for each in free if each.modified > limit],
        [each for each in free if each.modified <= limit],
        [name for name in here if name not in sizes],
        [name for name, size in here.items() if sizes.get(name, size) != size],
    )


def _names(text: str | bytes) -> set[str]:
    return {fields["name"] for fields in json.loads(text)["shards"]}


def cache_folder() -> Path:
    """Return the folder of DVC's cache."""
    from dvc.repo import Repo

    with Repo() as repo:
        return Path(cast("Any", repo).cache.local.path)


def names_in_cache() -> set[str]:
    """Return the shards that any version of the data in DVC's cache lists."""
    if not DVC_CACHE.parent.is_dir():
        return set()
    cache, found = cache_folder(), set[str]()
    for folder in cache.glob("*/*.dir"):
        listed = _list_of(folder.read_bytes())
        file = cache / listed[:2] / listed[2:]
        if listed and file.exists():
            found |= _names(file.read_bytes())
    return found


def _list_of(folder: bytes) -> str:
    """Return DVC's hash of the list of shards in a folder of its cache; empty if the folder has none."""
    entries: list[dict[str, str]] = json.loads(folder)
    return next((entry["md5"] for entry in entries if entry["relpath"] == LIST), "")


def names_at(revision: str) -> set[str]:
    """Return the shards that the outputs of a commit list, from DVC's cache or remote.

    Raises:
        UserError: there is no such commit, or its lists cannot be read.
    """
    lock = git("show", f"{revision}:./{LOCK}")
    if lock is None:
        raise UserError(f"{revision} is no commit with a {LOCK}.", "Give a commit, a branch or a tag.")
    outputs = {
        out["path"]: out["md5"] for stage in parse_lock(lock).values() for out in stage.get("outs", [])
    }
    found = set[str]()
    for folder in SHARDED:
        if (md5 := outputs.get(str(folder), "")).endswith(".dir"):
            found |= _names_of(folder, md5, revision)
    return found


def _names_of(folder: Path, md5: str, revision: str) -> set[str]:
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexDirError

    cached = cache_folder() / md5[:2] / md5[2:]
    if cached.exists() and not _list_of(cached.read_bytes()):
        return set()
    try:
        read: Any = dvc.api.read  # pyright: ignore[reportUnknownVariableType] # it has no types
        return _names(read(str(folder / LIST), rev=revision))
    except (DvcException, DataIndexDirError, OSError) as error:
        raise UserError(
            f"{folder / LIST} of {revision} cannot be read, so it is unknown which shards it uses: {error}.",
            f"Run `dvc fetch` in a checkout of {revision} first.",
        ) from None


def describe(found: Plan, remote: Remote) -> str:
    """Write the numbers of shards and the names of those that nobody uses."""
    address = remote.bucket.address()
    lines = [
        f"{_amount(found.used)} in {address} are in use",
        f"{_amount(found.earlier)} belong to other versions in DVC's cache or the commits that are named",
        f"{_amount(found.young)} are used by none of these, and too young to be deleted",
        f"{_amount(found.unused)} are unused",
        *(f"  {each.name}" for each in found.unused),
        *(f"missing: {name}" for name in found.missing),
        *(f"damaged: {name}" for name in found.damaged),
    ]
    return "\n".join(lines)


def _amount(files: Collection[Stored]) -> str:
    return f"{len(files)} shards, {sum(each.bytes for each in files) / 1e6:.1f} MB,"


def delete_unused(found: Plan, remote: Remote) -> None:
    """Delete the unused shards from the bucket and the cache.

    Raises:
        UserError: the bucket cannot be used.
    """
    names = [each.name for each in found.unused]
    delete(remote.bucket, names)
    for name in names:
        (remote.cache / name).unlink(missing_ok=True)


def move(remote: Remote) -> int:
    """Move the shards of the working tree into the bucket, and record it; no stage needs to run for it.

    Raises:
        UserError: something else has changed since the last run, a shard is damaged, or the bucket cannot be
            used.
    """
    require_unchanged()
    lists, moved = lists_here(), 0
    for folder, shards in lists.items():
        local = [shard for shard in shards if (folder / shard.name).exists()]
        check_shards(folder, local, elsewhere=False)
        with uploading(remote, folder) as upload:
            for shard in local:
                file = folder / shard.name
                with file.open("rb") as opened:
                    if hashlib.file_digest(opened, "sha256").hexdigest() != shard.sha256:
                        raise UserError(f"{file} is damaged.", "Run `dvc checkout`, and this again.")
                upload(shard)
        write_list(folder, shards, elsewhere=True)
        moved += len(local)
    run_dvc("commit", "--force", "--quiet", *sorted(concerned()))
    return moved


def concerned() -> set[str]:
    """Return the stages that write or read shards, other than the last one."""
    stages: Mapping[str, Any] = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {
        name
        for name, stage in stages.items()
        if name != LAST and any(overlap(str(each), str(out)) for each in _files(stage) for out in SHARDED)
    }


def _files(stage: Mapping[str, Any]) -> Iterator[object]:
    yield from (path for kind in ("deps", "outs") for path in stage.get(kind, []) if isinstance(path, str))


def require_unchanged() -> None:
    """Check that the outputs are those of the present code and settings, apart from the layout.

    Raises:
        UserError: they are not.
    """
    changes: dict[str, list[Any]] = json.loads(run_dvc("status", "--json"))
    changes.pop(LAST, None)
    layout = {"changed deps": {"params.yaml": {LAYOUT: "modified"}}}
    if others := sorted(name for name, found in changes.items() if found != [layout]):
        raise UserError(
            f"More than {LAYOUT} has changed since the last run, for {', '.join(others)}.",
            "Set it back, run `make run`, and then move the shards; or run `make run`, which uploads them.",
        )


def run_dvc(*arguments: str) -> str:
    """Run DVC and return what it prints.

    Raises:
        UserError: it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"`dvc {arguments[0]}` failed: {done.stderr.strip()[-500:]}", "Correct that first.")
    return done.stdout
