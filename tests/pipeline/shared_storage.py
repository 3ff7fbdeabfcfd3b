"""An S3 server, PostgreSQL and an MLflow server on loopback."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

import boto3
import httpx
import pytest

from scripts.free_port import free_port

BUCKET = "herodex"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
TIMEOUT_S = 90


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], server: str) -> None:
    """Wait for a server; raise RuntimeError if its process ends or takes too long."""
    deadline = time.monotonic() + TIMEOUT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{server} did not start")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Check whether an HTTP server answers."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=5).status_code < 500
    return False


@contextlib.contextmanager
def s3_server(log: Path) -> Generator[str]:
    """Run an S3 server with an empty bucket; yield its URL."""
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
    """Return a client of the S3 server."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, **keys)


def stored(url: str, prefix: str) -> set[str]:
    """Return the keys of all objects under a prefix."""
    pages = s3_client(url).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


@contextlib.contextmanager
def postgresql() -> Generator[str]:
    """Run PostgreSQL with an empty database; yield its URI. Skip if it is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        message = "PostgreSQL is not installed: run `apt install postgresql`, or `make test` as root"
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

        def is_ready() -> bool:
            return subprocess.run(ready, capture_output=True, check=False).returncode == 0

        wait_until(is_ready, server, "PostgreSQL")
        yield f"postgresql+psycopg://herodex@127.0.0.1:{port}/postgres"
    finally:
        if server:
            server.terminate()
            server.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def mlflow_server(database: str, s3: str, port: int, log: Path) -> Generator[str]:
    """Run an MLflow server with runs in a database and artifacts in S3; yield its URL."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", database, "--artifacts-destination", f"s3://{BUCKET}/mlflow"]
    environment = {
        **os.environ,
        **KEYS,
        "MLFLOW_S3_ENDPOINT_URL": s3,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Eight processes for jobs of language models, which Herodex has none of.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
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
        # The worker is a separate process.
        os.killpg(server.pid, 15)
        server.wait()
