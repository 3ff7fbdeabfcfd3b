"""Shards of images and features in a bucket alone: the same outputs, one upload each, and clear errors."""

import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from sharded import run_stages, two_classes, write_downloads
from shared_storage import BUCKET, KEYS, s3_client, s3_server, stored
from workspace import PROJECT

from herodex import cli, paths
from herodex.curation.check_downloads import Checked, check_all
from herodex.dataset.bucket import Bucket, download, read_part, upload
from herodex.dataset.bucket_cache import remote_of, remote_to_write, stored_shards
from herodex.dataset.feature_table import open_table, read_features, write_features
from herodex.dataset.image_shards import CleanImage, write_shards
from herodex.dataset.image_store import has_image, read_png
from herodex.dataset.shards import read_list
from herodex.errors import UserError
from herodex.forgotten_list import add_forgotten
from herodex.lineage.forget_caches import clear_shards
from herodex.lineage.trace_places import CLEAN_BUCKET
from herodex.params import StorageParams
from scripts.free_port import free_port
from scripts.prove import change_params

MEAN, IMAGES, ADDED = 16, 300, 5
Server = tuple[str, Path]
"""The address of the S3 server, and the log of its requests."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("s3") / "log"
    with s3_server(log) as url:
        yield url, log


@pytest.fixture
def s3(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the server, for a process with credentials."""
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": server[0]}.items():
        monkeypatch.setenv(name, value)
    return server[0]


@pytest.fixture
def project(s3: str, tmp_path: Path) -> Path:
    """A folder whose params.yaml names a prefix of its own in the bucket."""
    return make_project(tmp_path / "project", f"s3://{BUCKET}/{tmp_path.name}")


def make_project(folder: Path, bucket: str, **storage: object) -> Path:
    folder.mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", folder)
    settings = {"layout": "bucket", "bucket": bucket, "shard_images": MEAN, **storage}
    change_params(folder / "params.yaml", {f"storage.{key}": value for key, value in settings.items()})
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[CleanImage]:
    """Small images; the last ones are those that tests add."""
    folder = tmp_path_factory.mktemp("drawn")
    found = []
    for number in range(IMAGES + ADDED):
        data, pixels = io.BytesIO(), np.random.default_rng(number).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(data, "PNG")
        name = hashlib.sha256(data.getvalue()).hexdigest()
        (folder / f"{name}.png").write_bytes(data.getvalue())
        found.append(CleanImage(f"tea/{name}.png", name, folder / f"{name}.png"))
    return sorted(found, key=lambda image: (image in found[IMAGES:], image.name))


def upload_images(images: list[CleanImage], project: Path) -> Path:
    folder = project / paths.CLEAN_IMAGES
    remote = remote_to_write(folder, StorageParams(layout="bucket", bucket="s3://any-bucket"))
    write_shards(images, folder, MEAN, remote)
    return folder


def upload_features(hashes: list[str], project: Path) -> Path:
    path = project / paths.FEATURES
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"features": np.array([[int(digits[:6], 16)] for digits in hashes], np.float32)}
    write_features(path, hashes, columns, MEAN, remote_of(path))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def in_bucket(project: Path) -> dict[str, int]:
    """The sizes of the shards of a project in the bucket, by name."""
    remote = remote_of(project / paths.CLEAN_IMAGES)
    assert remote
    return {each.name: each.bytes for each in stored_shards(remote)}


class Requests:
    """The requests to the server since the last look."""

    def __init__(self, server: Server) -> None:
        self.log, self.seen = server[1], 0
        self.new("")

    def new(self, kind: str) -> list[str]:
        """Return the lines of the log whose request and status match a pattern."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        new, self.seen = lines[self.seen :], len(lines)
        return [line for line in new if re.search(kind, line)]


PUT = r'"(\S*)PUT .*" 200'


def clear_cache(project: Path) -> None:
    shutil.rmtree(project / paths.BUCKET_CACHE)


def test_outputs_are_those_of_shards_in_folders_and_a_second_run_uploads_nothing(project, server, tmp_path):
    manifest = write_downloads(tmp_path / "raw", two_classes())
    bucket = StorageParams(layout="bucket", bucket="s3://any-bucket", shard_images=MEAN)
    local = run_stages(
        tmp_path / "local", tmp_path / "raw", manifest, StorageParams(layout="shards", shard_images=MEAN)
    )
    made = run_stages(project / "data", tmp_path / "raw", manifest, bucket)
    assert made.equals(local)
    expected, found = files(tmp_path / "local"), files(project / "data")
    shards = {name for name in expected if Path(name).suffix in {".parquet", ".npy"}}
    assert found == {name: data for name, data in expected.items() if name not in shards}
    assert in_bucket(project) == {Path(name).name: len(expected[name]) for name in shards}
    requests = Requests(server)
    for keep_cache in (True, False):
        if not keep_cache:
            clear_cache(project)
        assert run_stages(project / "data", tmp_path / "raw", manifest, bucket).equals(local)
        assert files(project / "data") == found
    assert requests.new(PUT) == []


def test_added_images_upload_only_the_changed_shards(project, server, images):
    folder, requests = upload_images(images[:IMAGES], project), Requests(server)
    before = {shard.name for shard in read_list(folder)}
    upload_images(sorted(images), project)
    after = {shard.name for shard in read_list(folder)}
    assert len(requests.new(PUT)) == len(after - before) <= 2 * ADDED < len(after) / 1.5
    assert before | after == in_bucket(project).keys()


KILLED = """
import os, signal, sys
from pathlib import Path
from herodex.dataset.bucket_cache import remote_to_write
from herodex.dataset.image_shards import CleanImage, write_shards
from herodex.params import load_params
folder, drawn = Path(sys.argv[1]), sorted(Path(sys.argv[2]).glob("*.png"))
def images():
    for place, file in enumerate(drawn):
        if place == len(drawn) // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield CleanImage(f"tea/{file.stem}.png", file.stem, file)
write_shards(images(), folder, 16, remote_to_write(folder, load_params(Path(sys.argv[3])).storage))
"""


def test_killed_upload_continues_with_the_shards_that_are_left(project, server, images):
    folder = project / paths.CLEAN_IMAGES
    command = [sys.executable, "-c", KILLED, folder, images[0].png.parent, project / "params.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    killed = subprocess.run(command, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    first, requests = in_bucket(project), Requests(server)
    assert not (folder / "shards.json").exists()
    upload_images(sorted(images), project)
    listed = {shard.name: shard.bytes for shard in read_list(folder)}
    assert 0 < len(first) < len(listed)
    assert in_bucket(project) == listed
    assert len(requests.new(PUT)) == len(listed) - len(first)
    assert read_png(images[7].name, folder) == images[7].png.read_bytes()


@pytest.mark.parametrize("mean", [MEAN, 2 * MEAN, None], ids=["same shards", "other shards", "files"])
def test_cleaning_that_stopped_while_it_uploaded_continues(project, s3, tmp_path, mean):
    manifest, params = write_downloads(tmp_path / "raw", two_classes()), two_classes().classifier.clean
    names, results, folder = manifest["file"].tolist(), tmp_path / "results", project / paths.CLEAN_IMAGES

    def check(clean: Path, **storage: Any) -> list[Checked]:
        layout = {"layout": "bucket", "bucket": "s3://any-bucket", "shard_images": MEAN, **storage}
        return check_all(
            names,
            tmp_path / "raw",
            clean,
            params,
            results=results,
            storage=StorageParams.model_validate(layout),
        )

    expected = check(tmp_path / "expected", layout="shards")
    last = read_list(tmp_path / "expected")[-1].name
    s3_client(s3).put_object(Bucket=BUCKET, Key=f"{tmp_path.name}/{last}", Body=b"damaged")
    with pytest.raises(UserError, match=f"{last} is damaged"):
        check(folder)
    assert len(in_bucket(project)) > 1
    # Images whose shards are written are gone, and checked again only if they are needed.
    assert len(list(results.rglob("checks.json"))) > len(list(results.rglob("*.png")))
    harm_object(s3, f"{tmp_path.name}/{last}", "missing")
    changes = {"shard_images": mean} if mean else {"layout": "files"}
    assert check(folder, **changes) == expected
    check(tmp_path / "expected", **{"layout": "shards", **changes})
    shards = {name for name in files(tmp_path / "expected") if name.endswith(".parquet")}
    assert files(folder).keys() == files(tmp_path / "expected").keys() - shards
    assert {read_png(name, folder) for name in names if has_image(name, folder)} == {
        read_png(name, tmp_path / "expected") for name in names if has_image(name, tmp_path / "expected")
    }
    assert not list(results.iterdir())
    assert not (tmp_path / "results-stored").exists()


def test_clone_with_an_empty_cache_reads_single_images_by_range_and_features_by_shard(
    project, server, images, tmp_path
):
    folder = upload_images(images[:IMAGES], project)
    hashes = sorted(image.sha256 for image in images[:IMAGES])
    path = upload_features(hashes, project)
    clone = tmp_path / "clone"
    shutil.copytree(project, clone, ignore=shutil.ignore_patterns(".cache"))
    folder, path = (clone / each.relative_to(project) for each in (folder, path))
    requests = Requests(server)
    for image in images[:IMAGES:50]:
        assert has_image(image.name, folder)
        assert read_png(image.name, folder) == image.png.read_bytes()
    assert len(requests.new('GET .*" 206')) == len(images[:IMAGES:50])
    assert not (clone / paths.BUCKET_CACHE).exists()
    features = read_features(path)
    assert [features[sha256][0] for sha256 in hashes[::40]] == [
        int(sha256[:6], 16) for sha256 in hashes[::40]
    ]
    assert len(requests.new('GET .*npy.*" 200')) == len(read_list(path))
    # As if a new version had removed them while a stage reads.
    clear_cache(clone)
    assert features[hashes[9]][0] == int(hashes[9][:6], 16)


def test_images_in_order_are_read_shard_by_shard_within_the_limit_of_the_cache(s3, server, images, tmp_path):
    project = make_project(tmp_path / "small", f"s3://{BUCKET}/{tmp_path.name}", cache_gb=1e-5)
    folder = upload_images(images[:IMAGES], project)
    cache = project / paths.BUCKET_CACHE
    assert len(list(cache.glob("*.parquet"))) <= 5
    clear_cache(project)
    requests = Requests(server)
    for image in images[:IMAGES]:
        assert read_png(image.name, folder, in_order=True) == image.png.read_bytes()
        assert len(list(cache.glob("*.parquet"))) <= 5
    shards = len(read_list(folder))
    lines = requests.new("GET .*parquet")
    assert shards > 10
    assert len([line for line in lines if '" 200' in line]) == shards
    assert not [line for line in lines if '" 206' in line]


def test_damaged_shard_in_the_cache_is_replaced_by_the_one_in_the_bucket(project, images):
    folder = upload_images(images[:IMAGES], project)
    (shard,) = {project / paths.BUCKET_CACHE / read_list(folder)[0].name}
    shard.write_bytes(bytes(shard.stat().st_size))
    assert read_png(images[0].name, folder) == images[0].png.read_bytes()
    assert not shard.exists()


def harm_object(s3: str, key: str, harm: str) -> None:
    client = s3_client(s3)
    data = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    if harm == "missing":
        client.delete_object(Bucket=BUCKET, Key=key)
    else:
        changed = data[:99] if harm == "short" else bytes(each ^ 1 for each in data)
        client.put_object(Bucket=BUCKET, Key=key, Body=changed)


@pytest.mark.parametrize("harm", ["missing", "short", "other bytes"])
def test_missing_or_damaged_shard_is_one_message_and_is_not_overwritten(project, s3, images, tmp_path, harm):
    folder = upload_images(images[:IMAGES], project)
    path = upload_features(sorted(image.sha256 for image in images[:40]), project)
    clear_cache(project)
    for shard in (read_list(folder)[0], read_list(path)[0]):
        harm_object(s3, f"{tmp_path.name}/{shard.name}", harm)
    readers = {
        "parquet": partial(read_png, images[0].name, folder),
        "parquet whole": partial(read_png, images[0].name, folder, in_order=True),
        "npy": partial(open_table, path),
    }
    for kind, read in readers.items():
        with pytest.raises(UserError, match="is missing" if harm == "missing" else "is damaged") as caught:
            read()
        assert f"s3://{BUCKET}/{tmp_path.name}/" in caught.value.problem
        assert kind.split()[0] in caught.value.problem
        assert "dvc repro --force" in caught.value.hint
    if harm != "missing":
        with pytest.raises(UserError, match="is damaged") as caught:
            upload_images(images[:IMAGES], project)
        assert "Delete it" in caught.value.hint
    else:
        upload_images(images[:IMAGES], project)
        assert read_list(folder)[0].name in in_bucket(project)


def refuse_unknown_keys(s3: str, refuse: bool) -> None:
    """Let the server check credentials, or take any."""
    httpx.post(f"{s3}/moto-api/reset-auth", content="0" if refuse else "inf").raise_for_status()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"}, "is not reachable: Could not connect"),
        ({"AWS_ENDPOINT_URL": "no address"}, "Invalid endpoint: no address"),
        (
            {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
            "There are no credentials for the bucket",
        ),
        ({"AWS_ACCESS_KEY_ID": "AKIAWRONG"}, "refuses the credentials \\(InvalidAccessKeyId\\)"),
        ({"bucket": "s3://no-such-bucket/x"}, "The bucket s3://no-such-bucket does not exist"),
    ],
    ids=["unreachable", "no address", "no keys", "wrong keys", "no bucket"],
)
def test_bucket_that_cannot_be_used_is_one_message_before_any_work(
    s3, images, tmp_path, monkeypatch, changes, problem
):
    project = make_project(tmp_path / "project", changes.get("bucket", f"s3://{BUCKET}/{tmp_path.name}"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        elif name != "bucket":
            monkeypatch.setenv(name, value.format(port=free_port()))
    refuse_unknown_keys(s3, "AWS_ACCESS_KEY_ID" in changes)
    try:
        with pytest.raises(UserError, match=problem) as caught:
            upload_images(images[:1], project)
    finally:
        refuse_unknown_keys(s3, False)
    assert caught.value.hint
    assert not (project / paths.BUCKET_CACHE).exists()


@contextmanager
def answering(*answers: tuple[int, int, bytes]) -> Iterator[str]:
    """Serve answers in turn, the last one again and again: status, stated length and body."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, length, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_HEAD = do_PUT = do_GET  # noqa: N815 # names of the base class

        def log_message(self, format, *_):  # noqa: A002 # the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_port}"
        finally:
            web.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "code", "problem", "hint"),
    [
        (400, "ExpiredToken", "have expired \\(ExpiredToken\\)", "Get new ones"),
        (403, "AccessDenied", "Access to s3://some/x.parquet is denied", "Allow s3:ListBucket"),
        (403, "SignatureDoesNotMatch", "refuses the credentials", "AWS_SECRET_ACCESS_KEY"),
        (503, "SlowDown", "s3://some/x.parquet cannot be used: SlowDown: Less, please", "Run again"),
    ],
)
def test_refusals_of_s3_are_one_message(s3, monkeypatch, status, code, problem, hint):
    body = f"<Error><Code>{code}</Code><Message>Less, please.</Message></Error>".encode()
    with answering((status, len(body), body)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(UserError, match=problem) as caught:
            read_part(Bucket("some", ""), "x.parquet", 3, 4, lambda data: True)
    assert hint in caught.value.hint


def test_download_starts_again_if_the_connection_breaks_or_bytes_are_wrong(s3, tmp_path, monkeypatch):
    data = b"shard" * 1000
    sha256 = hashlib.sha256(data).hexdigest()
    broken, wrong = (200, len(data), data[:700]), (200, len(data), data[::-1])
    with answering(broken, wrong, (200, len(data), data)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        download(Bucket("some", ""), "x.npy", tmp_path / "x.npy", sha256)
    assert (tmp_path / "x.npy").read_bytes() == data
    with answering(broken) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(UserError, match="The bucket s3://some is not reachable"):
            download(Bucket("some", ""), "x.npy", tmp_path / "y.npy", sha256)


def dvc(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=folder,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `herodex` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["herodex", *arguments])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


STAGES = """stages:
  clean_images: {cmd: "false", deps: [params.yaml], outs: [data/images/clean]}
  embed_images: {cmd: "false", deps: [data/images/clean], outs: [data/images/features.npy]}
"""


def test_server_without_conditional_uploads_gets_a_plain_one(s3, tmp_path, monkeypatch):
    file = tmp_path / "x.npy"
    file.write_bytes(b"shard")
    refusal = b"<Error><Code>NotImplemented</Code><Message>A header is not implemented</Message></Error>"
    answers = ((404, 0, b""), (501, len(refusal), refusal), (200, 0, b""))
    with answering(*answers) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert upload(Bucket("some", ""), file, 5, hashlib.sha256(b"shard").hexdigest())
    with answering(*answers[:2]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(UserError, match="cannot be used: NotImplemented"):
            upload(Bucket("some", ""), file, 5, hashlib.sha256(b"shard").hexdigest())


def make_repository(folder: Path, stages: str, remote: str) -> None:
    """Make a repository as `dvc init` and `dvc remote add` do, which take seconds."""
    git(folder, "init", "--quiet")
    (folder / "dvc.yaml").write_text(stages, encoding="utf-8")
    (folder / ".dvc").mkdir()
    config = f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {remote}\n"
    (folder / ".dvc/config").write_text(config if remote else "", encoding="utf-8")
    (folder / ".dvc/.gitignore").write_text("/cache\n/tmp\n", encoding="utf-8")


@pytest.fixture
def repository(
    project: Path, images: list[CleanImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[set[str]]:
    """Make a repository of the project, with two committed versions; return the shards of three versions."""
    monkeypatch.chdir(project)
    make_repository(project, STAGES, f"s3://{BUCKET}/{tmp_path.name}-dvc")
    versions = []
    for count in (IMAGES - 60, IMAGES, IMAGES + ADDED):
        chosen = sorted(images[:count])
        folder = upload_images(chosen, project)
        path = upload_features([image.sha256 for image in chosen], project)
        versions.append({shard.name for each in (folder, path) for shard in read_list(each)})
        if count >= IMAGES:
            dvc(project, "commit", "--force")
            git(project, "add", "--all")
            git(project, "commit", "--quiet", "--message", str(count))
            dvc(project, "push")
    return versions


def test_dvc_carries_small_files_and_shards_that_no_named_version_lists_are_deleted(
    project, repository, s3, images, tmp_path, monkeypatch, capsys
):
    keys = stored(s3, f"{tmp_path.name}-dvc")
    sizes = [s3_client(s3).head_object(Bucket=BUCKET, Key=key)["ContentLength"] for key in keys]
    # Of two versions the lists of shards, the index, and DVC's list of each folder.
    assert len(sizes) == 2 * 5
    assert sum(sizes) < 200_000
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    dvc(clone, "pull")
    assert read_png(images[3].name, clone / paths.CLEAN_IMAGES) == images[3].png.read_bytes()
    assert len(read_features(clone / paths.FEATURES)) == IMAGES + ADDED

    first, second, third = repository
    others = {f"{tmp_path.name}/{name}" for name in ("dvc/files/md5/ab/cdef", "notes.npy")}
    for key in others:
        s3_client(s3).put_object(Bucket=BUCKET, Key=key, Body=b"not a shard")
    assert run(monkeypatch, "bucket", "--delete-unused") == 0
    assert "too young" in capsys.readouterr().out
    assert in_bucket(project).keys() == first | second | third
    assert run(monkeypatch, "bucket", "--older-than", "0") == 0
    assert min(first - second - third) in capsys.readouterr().out
    assert in_bucket(project).keys() == first | second | third
    delete = ("bucket", "--older-than", "0", "--delete-unused")
    assert run(monkeypatch, *delete) == 0
    # DVC's cache has the second version.
    assert in_bucket(project).keys() == second | third

    shutil.rmtree(project / ".dvc/cache")
    assert run(monkeypatch, *delete, "--rev", "HEAD~1") == 0
    assert in_bucket(project).keys() == second | third
    assert run(monkeypatch, *delete, "--rev", "nothing") == 1
    assert "nothing is no commit" in capsys.readouterr().err
    for folder in ("cache", "tmp"):
        shutil.rmtree(project / ".dvc" / folder, ignore_errors=True)
    config = project / ".dvc/config"
    config.write_text(config.read_text(encoding="utf-8").replace("-dvc", "-lost"), encoding="utf-8")
    assert run(monkeypatch, *delete, "--rev", "HEAD~1") == 1
    assert "HEAD~1 cannot be read, so it is unknown which shards it uses" in capsys.readouterr().err
    assert in_bucket(project).keys() == second | third
    assert run(monkeypatch, *delete) == 0
    assert in_bucket(project).keys() == third
    harm_object(s3, f"{tmp_path.name}/{min(third)}", "missing")
    assert run(monkeypatch, "bucket") == 1
    assert f"missing: {min(third)}" in capsys.readouterr().out
    assert others < stored(s3, f"{tmp_path.name}/")


def test_shards_of_a_finished_run_move_without_running_a_stage(s3, images, tmp_path, monkeypatch, capsys):
    project = make_project(tmp_path / "project", f"s3://{BUCKET}/{tmp_path.name}", layout="shards")
    monkeypatch.chdir(project)
    params = STAGES.replace("deps:", "params: [seed, storage.layout], deps:")
    make_repository(project, params.replace("[params.yaml]", "[raw.txt]"), "")
    (project / "raw.txt").touch()
    write_shards(images[:IMAGES], paths.CLEAN_IMAGES, MEAN)
    upload_features([image.sha256 for image in images[:IMAGES]], project)
    dvc(project, "commit", "--force")
    before = files(project / "data")
    shards = {Path(name).name for name in before if Path(name).suffix in {".parquet", ".npy"}}
    assert run(monkeypatch, "bucket", "--move") == 1
    assert "in no bucket" in capsys.readouterr().err
    change_params(project / "params.yaml", {"storage.layout": "bucket", "seed": 5})
    assert run(monkeypatch, "bucket", "--move") == 1
    assert "More than storage.layout has changed" in capsys.readouterr().err
    assert files(project / "data") == before
    change_params(project / "params.yaml", {"seed": 1729})
    assert run(monkeypatch, "bucket", "--move") == 0
    assert in_bucket(project).keys() == shards
    assert files(project / "data") == {
        name: data for name, data in before.items() if Path(name).name not in shards
    }
    status = subprocess.run(["dvc", "status"], capture_output=True, text=True, check=True)
    assert "up to date" in status.stdout
    assert read_png(images[9].name, paths.CLEAN_IMAGES) == images[9].png.read_bytes()
    assert run(monkeypatch, "bucket") == 0


def test_withdrawn_image_is_found_in_the_bucket_until_its_shard_is_deleted(
    project, images, monkeypatch, capsys
):
    monkeypatch.chdir(project)
    monkeypatch.setenv("BENTOML_HOME", str(project / "bentoml"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    chosen, gone = images[:IMAGES], images[40]
    kept = [image for image in chosen if image != gone]
    folder = upload_images(chosen, project)
    path = upload_features([image.sha256 for image in chosen], project)
    before = {shard.name for each in (folder, path) for shard in read_list(each)}
    add_forgotten(paths.FORGOTTEN, {gone.sha256}, "image", "2026-11-28")
    clear_shards()
    assert not (project / paths.BUCKET_CACHE).exists()
    assert run(monkeypatch, "forget", "--check") == 1
    said = capsys.readouterr().out
    assert len(re.findall(r"data/images/clean/[0-9a-f]{32}\.parquet: 1 image, 1 sha256", said)) == 1
    assert len(re.findall(r"data/images/features\.npy/[0-9a-f]{32}\.npy: 1 sha256", said)) == 1

    upload_images(kept, project)
    upload_features([image.sha256 for image in kept], project)
    clear_shards()
    assert run(monkeypatch, "forget", "--check") == 1
    said = capsys.readouterr().out
    assert "no trace in data" in said
    assert f"the bucket of shards: 2 files (1 image, 2 sha256): {CLEAN_BUCKET}" in said
    after = {shard.name for each in (folder, path) for shard in read_list(each)}
    assert run(monkeypatch, "bucket", "--older-than", "0", "--delete-unused") == 0
    assert in_bucket(project).keys() == after
    assert len(before - after) in range(2, 6)
    assert run(monkeypatch, "forget", "--check") == 0
    assert "no trace in DVC's cache" in capsys.readouterr().out
    # A proof that did not look into the bucket would be none.
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert run(monkeypatch, "forget", "--check") == 1
    assert "is not reachable" in capsys.readouterr().err
