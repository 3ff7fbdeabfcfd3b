"""What a team would share, for real, on loopback: an S3 server, PostgreSQL and an MLflow server."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from tiny_service import free_port

BUCKET = "herodex"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
PATIENCE_S = 90


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    """Ask until it is ready; raises RuntimeError where the process has ended or takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come up")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether an HTTP server answers at all."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=5).status_code < 500
    return False


@contextlib.contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """An S3 server with an empty bucket; gives its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until(lambda: answers(url), server, "the S3 server")
        s3_client(url).create_bucket(Bucket=BUCKET)
        yield url
    finally:
        server.terminate()
        server.wait()


def s3_client(url: str):
    """A client of the S3 server."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, **keys)


def stored(url: str, prefix: str) -> set[str]:
    """The keys of all objects under a prefix."""
    pages = s3_client(url).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server with an empty database; gives its URI. Skips where it is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        message = (
            "PostgreSQL is not installed: `make test` does that where it may, else `apt install postgresql`"
        )
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="herodex-postgres-"))
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    port = free_port()
    initialise = [programs[-1], "-D", folder / "data", "-U", "herodex", "--auth=trust", "--no-sync"]
    server = None
    try:
        subprocess.run(initialise, user=user, check=True, capture_output=True, cwd=folder)
        settings = ["-h", "127.0.0.1", "-p", str(port), "-F", "-k", str(folder)]
        program = programs[-1].with_name("postgres")
        server = subprocess.Popen(
            [program, "-D", folder / "data", *settings], user=user, stderr=subprocess.DEVNULL, cwd=folder
        )
        ready = [programs[-1].with_name("pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        wait_until(lambda: subprocess.run(ready, capture_output=True).returncode == 0, server, "PostgreSQL")
        yield f"postgresql+psycopg://herodex@127.0.0.1:{port}/postgres"
    finally:
        if server:
            server.terminate()
            server.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def mlflow_server(database: str, s3: str, port: int, log: Path) -> Iterator[str]:
    """An MLflow server that keeps runs in a database and artifacts in S3; gives its address."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", database, "--artifacts-destination", f"s3://{BUCKET}/mlflow"]
    environment = {**os.environ, **KEYS, "MLFLOW_S3_ENDPOINT_URL": s3, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("ab") as output:
        server = subprocess.Popen(
            [*command, "--workers", "1"],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/health"), server, "the MLflow server")
        yield url
    finally:
        # Its worker is a process of its own.
        os.killpg(server.pid, 15)
        server.wait()
