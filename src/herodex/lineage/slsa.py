"""How the models were made, as an in-toto statement with SLSA provenance 1.

The statement names files by SHA-256, and the settings, code, data and libraries that DVC recorded for them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.json_record import read_json
from herodex.lineage.bom import model_folders
from herodex.lineage.lock import ModelLineage, StageRecord, fingerprint, library_versions

STATEMENT = Path("slsa.json")
PACKED = Path("provenance")
"""The folder of a bento with its statement, model cards, description of the data and signature."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://dvc.org/doc/command-reference/repro"
BUILDER = "urn:herodex:machine-of-the-user"
LEVEL = {
    "level": "SLSA_BUILD_LEVEL_1",
    "reason": "The user's own machine builds and writes this statement; no build service vouches for it.",
}
DIRECTORY = ".dir"
"""The end of DVC's hash of a folder, the md5 of a list of its files."""

Hashes = dict[str, str]
"""SHA-256 of files by their path."""


def hash_files(root: Path, files: Iterable[Path]) -> Hashes:
    """Compute the SHA-256 of files, by their path below `root`, in the order of the paths."""
    named = {file.relative_to(root).as_posix(): file for file in files}
    return {name: hashlib.sha256(named[name].read_bytes()).hexdigest() for name in sorted(named)}


def files_below(folder: Path) -> list[Path]:
    """List all files of a folder and its sub-folders."""
    return sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def make_statement(
    lineage: Mapping[str, ModelLineage], files: Hashes, complete: list[str], commit: str = ""
) -> dict[str, Any]:
    """State how files were made.

    Args:
        lineage: of the models among the files, by name.
        files: the SHA-256 of each file.
        complete: the folders that hold no other files than these.
        commit: the commit of the code, if it is known.
    """
    stages = merge_stages(lineage)
    predicate: dict[str, Any] = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "targets": {name: entry["model"] for name, entry in lineage.items()},
                "params": {name: record["params"] for name, record in stages.items()},
            },
            "resolvedDependencies": dependencies(stages, commit),
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "byproducts": [
                {"name": path, "digest": dvc_digest(md5), "annotations": {"stage": name}}
                for name, record in stages.items()
                for path, md5 in record["outputs"].items()
            ],
        },
        "herodex_buildLevel": LEVEL,
        "herodex_completeFolders": complete,
    }
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in files.items()],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }
    predicate["runDetails"]["metadata"] = {"invocationId": statement_id(statement)}
    return statement


def statement_id(statement: Mapping[str, Any]) -> str:
    """Hash a statement without its own id."""
    details = statement["predicate"]["runDetails"]
    rest = {key: value for key, value in details.items() if key != "metadata"}
    predicate = {**statement["predicate"], "runDetails": rest}
    return f"urn:sha256:{fingerprint({**statement, 'predicate': predicate})}"


def merge_stages(lineage: Mapping[str, ModelLineage]) -> dict[str, StageRecord]:
    """Return the stages behind all models; each model has its own."""
    return {name: record for entry in lineage.values() for name, record in entry["stages"].items()}


def dependencies(stages: Mapping[str, StageRecord], commit: str) -> list[dict[str, Any]]:
    """List everything that the stages read and no stage made: code, data and libraries."""
    made = [Path(path) for record in stages.values() for path in record["outputs"]]
    read = {path: md5 for record in stages.values() for path, md5 in record["inputs"].items()}
    given = {
        path: md5
        for path, md5 in sorted(read.items())
        if not any(Path(path).is_relative_to(output) or output.is_relative_to(path) for output in made)
    }
    return [
        *([{"name": "Git commit", "digest": {"gitCommit": commit}}] if commit else []),
        *({"name": path, "digest": dvc_digest(md5)} for path, md5 in given.items()),
        *(
            {"name": f"code of {name}", "digest": {"sha256": record["code"]}}
            for name, record in stages.items()
        ),
        *({"uri": f"pkg:pypi/{name}@{version}"} for name, version in library_versions(stages.values())),
    ]


def dvc_digest(md5: str) -> dict[str, str]:
    """Convert DVC's hash into a digest set; that of a folder is no md5 of bytes."""
    return {"dvc_dir_md5": md5.removesuffix(DIRECTORY)} if md5.endswith(DIRECTORY) else {"md5": md5}


def write_statement(folder: Path, statement: Mapping[str, Any]) -> None:
    """Write a statement into a folder."""
    text = json.dumps(statement, indent=2, ensure_ascii=False) + "\n"
    (folder / STATEMENT).write_text(text, encoding="utf-8")


def read_statement(folder: Path, fix: str) -> dict[str, Any]:
    """Read the statement of a folder.

    Args:
        folder: with the statement.
        fix: what to do if it is damaged.

    Raises:
        UserError: it is missing or damaged.
    """
    return read_json(folder / STATEMENT, fix)


def state_project(lineage: Mapping[str, ModelLineage]) -> dict[str, Any]:
    """State how the models in `models/` were made, with all that a service reads and the files about them."""
    folders = [*model_folders(lineage), paths.PROVENANCE]
    files = {file for folder in folders for file in files_below(folder)} - {paths.PROVENANCE / STATEMENT}
    files |= {file for file in (paths.LINEAGE, paths.CLEAN_NAMES) if file.exists()}
    return make_statement(lineage, hash_files(Path(), files), [folder.as_posix() for folder in folders])
