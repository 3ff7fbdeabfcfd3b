"""`herodex verify`: check a bento or a project against its statement of SLSA, and its signature."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from herodex import paths
from herodex.class_names import list_names
from herodex.errors import UserError
from herodex.lineage.bentos import bento_folder
from herodex.lineage.signature import SIGNATURE, check_signature
from herodex.lineage.slsa import (
    PACKED,
    PREDICATE_TYPE,
    STATEMENT,
    STATEMENT_TYPE,
    files_below,
    hash_files,
    read_statement,
    statement_id,
)

RESTORE = {
    PACKED: "Fetch the bento again from where it was built, or build it again: `make bento`.",
    paths.PROVENANCE: "Run `dvc checkout`, which restores the outputs of the last `make run`.",
}
"""The folder of the statement in a bento and in a project, and how to restore its files."""
CHANGED, MISSING, EXTRA = "changed", "missing", "not in the statement"
MAX_NAMED = 5
BYTECODE = "__pycache__"


def verify(target: str, key: Path | None = None) -> str:
    """Check every file of a bento or project; return what was checked, in words.

    Args:
        target: a folder, or a bento's tag.
        key: file with the public key of the signer.

    Raises:
        UserError: something is not as stated; it names the files.
    """
    folder = find_folder(target)
    place = find_statement(folder)
    statement = read_statement(folder / place, RESTORE[place])
    check_statement(statement, folder / place / STATEMENT, RESTORE[place])
    if found := differences(folder, statement, {place / STATEMENT, SIGNATURE}):
        raise UserError(
            f"{name_of(folder)} is not as stated: {'; '.join(found.values())}.", advice(found, RESTORE[place])
        )
    lines = [
        f"{len(statement['subject'])} files have the SHA-256 of {place / STATEMENT}, and there is no other."
    ]
    if key:
        check_signature(folder, key)
        lines.append(f"The signature is valid for the key {key}.")
    elif (folder / SIGNATURE).exists():
        lines.append("The signature is not checked: give the public key of its signer with --key.")
    else:
        lines.append("There is no signature: whoever can write to the folder can write a new statement.")
    return "\n".join(lines)


def find_folder(target: str) -> Path:
    """Return a folder, or that of a bento.

    Raises:
        UserError: there is neither.
    """
    if Path(target).is_dir():
        return Path(target)
    if "/" in target:
        raise UserError(f"There is no folder {target}.", "Give a folder, or a bento's tag: `bentoml list`.")
    return bento_folder(target)


def find_statement(folder: Path) -> Path:
    """Return the folder of the statement, relative to a bento's or project's folder.

    Raises:
        UserError: there is none.
    """
    for place in RESTORE:
        if (folder / place / STATEMENT).exists():
            return place
    raise UserError(
        f"{name_of(folder)} has no statement: neither "
        f"{' nor '.join(str(place / STATEMENT) for place in RESTORE)}.",
        "Give the topmost folder of a project or bento. If it has none, run `make run` in a project, or make "
        "the bento anew: `make bento`.",
    )


def name_of(folder: Path) -> str:
    """Name a folder in messages; one that is given as `.` by its whole path."""
    return str(folder) if folder.name else str(folder.resolve())


def check_statement(statement: Mapping[str, Any], file: Path, fix: str) -> None:
    """Check that a statement has the form of SLSA, and is the one whose id it has.

    Raises:
        UserError: it has not.
    """
    try:
        _check_form(statement, file)
    except (TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{file} is damaged: a field has another type ({error}).", fix) from None


def _check_form(statement: Mapping[str, Any], file: Path) -> None:
    kinds = str(statement["_type"]), str(statement["predicateType"])
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise UserError(
            f"{file} is no statement of SLSA provenance 1: it says {' and '.join(kinds)}.",
            "Verify it with the tool that wrote it.",
        )
    if statement["predicate"]["runDetails"]["metadata"]["invocationId"] != statement_id(statement):
        raise UserError(
            f"{file} has been changed: its content has another SHA-256 than its invocationId.",
            "Fetch it again from where it was built.",
        )
    for subject in statement["subject"]:
        # Reads each field that is needed later.
        _ = PurePosixPath(subject["name"]), bytes.fromhex(subject["digest"]["sha256"])
    for folder in statement["predicate"]["herodex_completeFolders"]:
        _ = PurePosixPath(folder)


def differences(folder: Path, statement: Mapping[str, Any], unstated: set[Path]) -> dict[str, str]:
    """Describe changed, missing and extra files, by these kinds.

    Args:
        folder: of the bento or project.
        statement: about it.
        unstated: files that a statement cannot name, relative to the folder.
    """
    stated = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    present = [name for name in stated if is_inside(name) and (folder / name).is_file()]
    hashes = hash_files(folder, [folder / name for name in present])
    complete = [folder / name for name in statement["predicate"]["herodex_completeFolders"]]
    every = {file.relative_to(folder).as_posix() for each in complete for file in files_below(each)}
    kinds = {
        CHANGED: [name for name in present if hashes[name] != stated[name]],
        MISSING: [name for name in stated if name not in hashes],
        EXTRA: sorted(every - stated.keys() - {place.as_posix() for place in unstated}),
    }
    return {kind: f"{describe(names)} {kind}" for kind, names in kinds.items() if names}


def is_inside(name: str) -> bool:
    """Tell whether a path stays below the folder that it is relative to."""
    return not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts


def describe(names: list[str]) -> str:
    """Name a few files, count the others, and add the verb."""
    return f"{list_names(names, MAX_NAMED)} {'is' if len(names) == 1 else 'are'}"


def advice(found: Mapping[str, str], restore: str) -> str:
    """Say what to do about differences, described by their kind.

    Args:
        found: descriptions by kind.
        restore: how to restore files.
    """
    steps: list[str] = []
    if found.keys() & {CHANGED, MISSING}:
        steps.append(restore)
    if BYTECODE in found.get(EXTRA, ""):
        steps.append(f"Python writes {BYTECODE} when it runs a bento: remove these folders.")
    if EXTRA in found:
        steps.append(f"Remove the files that are {EXTRA}, unless you trust who put them there.")
    return " ".join(steps)
