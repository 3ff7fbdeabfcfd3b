"""The search for every trace: in files of each kind, and in each place that keeps earlier versions."""

import base64
import gzip
import hashlib
import io
import json
import sqlite3
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from herodex import cli, paths
from herodex.curation.check_downloads import check
from herodex.forgotten_list import AUTHOR, HOST, IMAGE, add_forgotten, read_forgotten, value_hash
from herodex.lineage.trace_places import find_everywhere
from herodex.lineage.traces import traces_in, wanted
from herodex.params import load_params

PROJECT = Path(__file__).resolve().parents[2]
PIXELS = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, lossless=True)
    return stream.getvalue()


PNG, WEBP, OTHER = encoded(PIXELS, "PNG"), encoded(PIXELS, "WebP"), encoded(PIXELS[::-1], "PNG")
DIGEST = hashlib.sha256(PNG).hexdigest()
ADDRESS = "http://a.test/1.png"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which the image `PNG`, the author Ann Lee and the host a.test are withdrawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "params.yaml").write_text((PROJECT / "params.yaml").read_text("utf-8"), "utf-8")
    pixels = check(PNG, load_params().classifier.clean).pixel_sha256
    hashes = [DIGEST, pixels, value_hash(AUTHOR, "Ann Lee"), value_hash(HOST, "a.test")]
    add_forgotten(paths.FORGOTTEN, hashes, IMAGE, "2026-11-28")
    return tmp_path


def write(file: Path, content: bytes | str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image", content)
    return stream.getvalue()


def tarred(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("image")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image"),
        (WEBP, "image"),
        (zipped(PNG), "image"),
        (tarred(WEBP), "image"),
        (gzip.compress(zipped(PNG)), "image"),
        (b'<img src="data:image/webp;base64,' + base64.b64encode(WEBP) + b'">', "image"),
        (b"\0\1" + ADDRESS.encode() + b"http://b.test/2.png\0", "address"),
        (f"[see]({ADDRESS}).".encode(), "address"),
        (b"sha256,author\n1,ANN  lee\n", "author or licence"),
        (json.dumps({"by": ["ann lee"]}).encode(), "author or licence"),
        (f"it is {DIGEST[:12]}".encode(), "sha256"),
    ],
)
def test_trace_is_found_in_a_file_of_any_kind(folder, content, kind):
    # As in DVC's cache, the file has no suffix.
    assert traces_in(write(folder / "file", content), wanted(read_forgotten())) == {kind: 1}


@pytest.mark.parametrize(
    "content",
    [b"\0\1\0BOB  the  \xc3\xa4 x\0", "bob the \N{LATIN SMALL LETTER A WITH DIAERESIS}".encode("utf-16")],
)
def test_key_is_found_in_binary_files(folder, content):
    key = "Bob The \N{LATIN CAPITAL LETTER A WITH DIAERESIS}"
    found = traces_in(write(folder / "file", content), wanted(read_forgotten(), key))
    assert found == ({"text": 1} if b"BOB" in content else {})


@pytest.mark.parametrize("content", [OTHER, zipped(OTHER), b"Ann Lees, http://b.test/", b"\0 a.test"])
def test_other_content_is_no_trace(folder, content):
    assert traces_in(write(folder / "file", content), wanted(read_forgotten())) == {}


def test_damaged_archive_is_named(folder):
    assert traces_in(write(folder / "x.zip", zipped(PNG)[:60]), wanted(read_forgotten())) == {
        "archive that cannot be opened": 1
    }


def test_each_value_of_a_database_is_searched(folder):
    file = folder / "mlflow.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE t (a, b)")
        database.execute("INSERT INTO t VALUES (?, ?)", (ADDRESS, "http://b.test/"))
        database.execute("INSERT INTO t VALUES (?, ?)", ("Ann LEE", PNG))
    found = traces_in(file, wanted(read_forgotten()))
    assert found == {"address": 1, "author or licence": 1, "image": 1}


def cached(folder: Path) -> None:
    write(folder / ".dvc/cache/files/md5/ab/cd", PNG)


def remote(folder: Path) -> None:
    write(folder / ".dvc/config", f"['remote \"disk\"']\n    url = {folder / 'remote'}\n")
    write(folder / "remote/files/md5/ab/cd.dir", json.dumps([{"md5": "cd", "relpath": f"tea/{DIGEST}.png"}]))


def logged(folder: Path) -> None:
    write(folder / "mlartifacts/0123/artifacts/classifier/gallery.csv", f"sha256,author\n{DIGEST},Ann Lee\n")


def packed(folder: Path) -> None:
    write(folder / "bentoml/bentos/herodex/x1/src/models/lineage.json", "{}")
    write(folder / "bentoml/bentos/herodex/x1/src/models/classifier/gallery.csv", f"sha256\n{DIGEST}\n")


def committed(folder: Path) -> None:
    review = write(folder / "data/review.csv", f"sha256,decision,class\n{DIGEST},keep,\n")
    commit = ("-c", "user.name=x", "-c", "user.email=x@x.test", "commit", "-qm", "x")
    for command in (("init", "-q"), ("add", "data/review.csv"), commit):
        subprocess.run(["git", *command], check=True)
    review.write_text("sha256,decision,class\n", "utf-8")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (cached, "DVC's cache: 1 file (1 image): dvc gc --workspace"),
        (remote, "DVC's remote disk: 1 file (1 sha256): dvc push, then dvc gc --workspace --cloud"),
        (
            logged,
            "MLflow's run 0123: 1 file (1 author or licence, 1 sha256): mlflow runs delete --run-id 0123",
        ),
        (packed, "bento herodex:x1: 1 file (1 sha256): bentoml delete herodex:x1"),
        (committed, "git's history of data: 1 commit (1 sha256): "),
    ],
)
def test_earlier_versions_are_searched_and_commands_clean_them(
    folder: Path, make: Callable[[Path], None], line: str, capsys
):
    make(folder)
    if make is committed:
        # The list of withdrawn sources has the same hashes.
        cli.prove_forgotten(None)
    else:
        with pytest.raises(SystemExit):
            cli.prove_forgotten(None)
    said = capsys.readouterr().out
    assert "no trace in data" in said
    assert line in said
    # After a rebuild, earlier versions remain until they are removed.
    cli.prove_forgotten(None, earlier=False)


def test_untracked_files_and_exports_of_earlier_models_are_found(folder):
    subprocess.run(["git", "init", "-q"], check=True)
    write(paths.LINEAGE, json.dumps({"classifier": {"model": "new"}}))
    write(folder / "answers.csv", f"file,sha256\nx,{DIGEST}\n")
    write(folder / "old" / "herodex.json", json.dumps({"model": "old"}))
    write(folder / "new" / "herodex.json", json.dumps({"model": "new"}))
    write(folder / ".venv" / "file", DIGEST)
    found = find_everywhere(wanted(read_forgotten())).working
    assert {str(file): dict(traces) for file, traces in found.items()} == {
        "answers.csv": {"sha256": 1},
        "old/herodex.json": {"earlier model": 1},
    }


def test_remote_elsewhere_is_named_as_not_searched(folder):
    write(folder / ".dvc/config", "['remote \"far\"']\n    url = s3://bucket/x\n")
    assert "DVC's remote far (s3://bucket/x)" in find_everywhere(wanted(read_forgotten())).unsearched
