"""`herodex verify`: each damage gets one message that names it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_lineage import tiny_lineage

from herodex import cli
from herodex.errors import UserError
from herodex.lineage import signature
from herodex.lineage.signature import SIGNATURE, check_private_key, sign
from herodex.lineage.slsa import (
    PACKED,
    STATEMENT,
    files_below,
    hash_files,
    make_statement,
    statement_id,
    write_statement,
)
from herodex.lineage.verify import verify


def new_key(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a pair of keys as the docs say."""
    private, public = folder / f"{name}.pem", folder / f"{name}-public.pem"
    for command in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(private)],
        ["ec", "-in", str(private), "-pubout", "-out", str(public)],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return private, public


@pytest.fixture(scope="module")
def signed(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A signed folder with a statement, the key of its signer, and another key."""
    folder = tmp_path_factory.mktemp("signed")
    packed = folder / "packed"
    shutil.copytree(tiny_project / "models", packed / "models")
    (packed / PACKED).mkdir()
    (packed / PACKED / "classifier.md").write_text("A card.\n", encoding="utf-8")
    files = hash_files(packed, files_below(packed))
    write_statement(packed / PACKED, make_statement(tiny_lineage(tiny_project), files, ["."], "f" * 40))
    private, public = new_key(folder, "own")
    check_private_key(private)
    sign(packed, private)
    return packed, public, new_key(folder, "other")[1]


@pytest.fixture
def packed(signed: tuple[Path, Path, Path], tmp_path: Path) -> Path:
    """A copy of that folder, to damage."""
    return shutil.copytree(signed[0], tmp_path / "packed")


def test_files_as_stated_pass_with_and_without_the_key(signed, packed):
    assert "The signature is not checked" in verify(str(packed))
    said = verify(str(packed), signed[1])
    assert "and there is no other" in said
    assert f"The signature is valid for the key {signed[1]}" in said


def test_folder_without_a_signature_passes_and_says_so(packed):
    (packed / SIGNATURE).unlink()
    assert "There is no signature" in verify(str(packed))


def change(folder: Path) -> None:
    file = folder / "models/classifier/head.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def add_file(folder: Path) -> None:
    (folder / "models/extra.py").write_text("", encoding="utf-8")


def add_link(folder: Path) -> None:
    (folder / "models/link").symlink_to("/nowhere")


def cache_bytecode(folder: Path) -> None:
    (folder / "models/__pycache__").mkdir()
    (folder / "models/__pycache__/service.pyc").write_bytes(b"")


def change_statement(folder: Path) -> None:
    file = folder / PACKED / STATEMENT
    file.write_text(file.read_text(encoding="utf-8").replace('"seed": 7', '"seed": 8', 1), encoding="utf-8")


def write_no_json(folder: Path) -> None:
    (folder / PACKED / STATEMENT).write_text("{", encoding="utf-8")


def write_other_json(folder: Path) -> None:
    (folder / PACKED / STATEMENT).write_text('{"_type": "x", "predicateType": "y"}', encoding="utf-8")


def write_incomplete_json(folder: Path) -> None:
    (folder / PACKED / STATEMENT).write_text("{}", encoding="utf-8")


def retype_subjects(folder: Path) -> None:
    """Change the type of a field, and the id with it."""
    file = folder / PACKED / STATEMENT
    statement = json.loads(file.read_text(encoding="utf-8")) | {"subject": "x"}
    statement["predicate"]["runDetails"]["metadata"]["invocationId"] = statement_id(statement)
    write_statement(folder / PACKED, statement)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change, "models/classifier/head.npy is changed"),
        (
            lambda folder: (folder / "models/generator/gru.bin").unlink(),
            "models/generator/gru.bin is missing",
        ),
        (add_file, "models/extra.py is not in the statement.*Remove the files"),
        (add_link, "models/link is not in the statement"),
        (cache_bytecode, "__pycache__/service.pyc is not in the statement.*remove these folders"),
        (change_statement, "slsa.json has been changed"),
        (write_no_json, "slsa.json is damaged.*make bento"),
        (retype_subjects, "slsa.json is damaged: a field has another type"),
        (write_other_json, "is no statement of SLSA provenance 1"),
        (write_incomplete_json, "it has no '_type'"),
        (lambda folder: (folder / PACKED / STATEMENT).unlink(), "has no statement"),
        (shutil.rmtree, "There is no folder"),
    ],
)
def test_damage_is_named_in_one_message(packed, damage, message):
    damage(packed)
    with pytest.raises(UserError, match=message):
        verify(str(packed))


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern")  # BentoML's own use of pathspec
@pytest.mark.parametrize("tag", ["nothing:here", "no tag at all", "a:b:c"])
def test_unknown_bento_is_reported(tag, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="There is no bento") as caught:
        verify(tag)
    assert "make bento" in caught.value.hint


def test_many_changed_files_are_counted(packed):
    for file in (packed / "models").rglob("*.*"):
        file.write_bytes(b"")
    with pytest.raises(UserError, match=r"and \d+ more are changed"):
        verify(str(packed))


def test_file_outside_the_folder_counts_as_missing(packed, tmp_path):
    (tmp_path / "outside").write_text("", encoding="utf-8")
    files = hash_files(tmp_path, [tmp_path / "outside"])
    write_statement(packed / PACKED, make_statement({}, {f"../{name}": files[name] for name in files}, []))
    with pytest.raises(UserError, match=r"\.\./outside is missing"):
        verify(str(packed))


def test_wrong_key_is_named(signed, packed):
    with pytest.raises(UserError, match="is not valid for the key") as caught:
        verify(str(packed), signed[2])
    assert "do not use this bento" in caught.value.hint


def test_statement_written_anew_after_a_change_fails_the_signature(signed, packed, tiny_project):
    change(packed)
    files = [file for file in files_below(packed) if file.name not in {STATEMENT.name, SIGNATURE.name}]
    statement = make_statement(tiny_lineage(tiny_project), hash_files(packed, files), ["."], "f" * 40)
    write_statement(packed / PACKED, statement)
    assert "is not checked" in verify(str(packed))
    with pytest.raises(UserError, match=r"is not valid for the key.*Hash mismatch"):
        verify(str(packed), signed[1])


def test_damaged_signature_is_reported(signed, packed):
    (packed / SIGNATURE).write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="is not valid for the key"):
        verify(str(packed), signed[1])


def test_missing_signature_is_reported_where_a_key_is_given(signed, packed):
    (packed / SIGNATURE).unlink()
    with pytest.raises(UserError, match="has no signature"):
        verify(str(packed), signed[1])


@pytest.mark.parametrize("name", ["missing.pem", "text.pem"])
def test_unreadable_keys_are_reported(packed, tmp_path, name):
    (tmp_path / "text.pem").write_text("no key", encoding="utf-8")
    with pytest.raises(UserError, match="is no public key in PEM") as caught:
        verify(str(packed), tmp_path / name)
    assert "openssl" in caught.value.hint
    with pytest.raises(UserError, match="is no private key that can sign"):
        check_private_key(tmp_path / name)


def test_missing_package_is_reported(signed, packed, monkeypatch):
    monkeypatch.setattr(signature.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="need the package model-signing"):
        verify(str(packed), signed[1])
    assert "not checked" in verify(str(packed))


def test_command_prints_the_result_or_exits_with_1(packed, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["herodex", "verify", str(packed)])
    cli.main()
    assert "files have the SHA-256" in capsys.readouterr().out
    change(packed)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: {packed} is not as stated: models/classifier/head.npy")


def test_other_tools_verify_the_signature(signed):
    packed, public, _ = signed
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(packed)]
    command += ["--signature", str(packed / SIGNATURE), "--public_key", str(public)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_statement_is_json_without_absolute_paths(signed):
    statement = json.loads((signed[0] / PACKED / STATEMENT).read_text(encoding="utf-8"))
    assert all(not Path(subject["name"]).is_absolute() for subject in statement["subject"])
