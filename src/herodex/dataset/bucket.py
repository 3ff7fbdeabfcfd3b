"""Files in an S3 bucket that never change: upload each once, download with a check, list and delete.

Credentials and the endpoint come from the environment or `~/.aws`, as for DVC's remote.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from herodex.errors import UserError

Read = TypeVar("Read")

CHUNK = 2**20
"""Bytes in memory of a download."""
LARGEST = 5 * 10**9
"""Largest file in bytes that S3 takes in one request; a killed request leaves nothing there."""
TRIES = 3
"""How often a download starts again because the connection broke or its bytes are wrong."""
ATTEMPTS = 6
"""Attempts of a request, with growing pauses, unless AWS_MAX_ATTEMPTS says otherwise."""
THREADS = 8
ABSENT = ("NoSuchKey", "404", "NotFound")
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
MAKE_AGAIN = (
    "`dvc repro --force --single-item clean_images`, for .npy `embed_images`, uploads what is missing again."
)
ANSWERS = (
    (
        {"NoSuchBucket"},
        "The bucket s3://{name} does not exist.",
        "Correct storage.bucket in params.yaml, or create the bucket.",
    ),
    (
        {"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "RequestExpired"},
        "The credentials for the bucket s3://{name} have expired ({code}).",
        "Get new ones, and run again.",
    ),
    (
        {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId"},
        "The bucket s3://{name} refuses the credentials ({code}).",
        "Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws.",
    ),
    (
        {"AccessDenied", "AllAccessDisabled", "403", "Forbidden"},
        "Access to {file} is denied ({code}).",
        "Allow s3:ListBucket, s3:GetObject and s3:PutObject there, and s3:DeleteObject to delete shards.",
    ),
    ({*ABSENT}, "{file} is missing.", f"Restore it, or make it again: {MAKE_AGAIN}"),
    (
        {"InvalidRange", "416"},
        "{file} is damaged: it is too short.",
        f"Delete it, as nothing overwrites a shard; then {MAKE_AGAIN}",
    ),
)
"""Problems and hints for the codes of S3's answers; an answer without a body has a number only."""


@dataclass(frozen=True)
class Bucket:
    """A bucket, and the start of the keys in it.

    Attributes:
        name: of the bucket.
        prefix: empty, or ends with a slash.
    """

    name: str
    prefix: str

    def address(self, name: str = "") -> str:
        """Return the address of a file, for messages."""
        return f"s3://{self.name}/{self.prefix}{name}"


@dataclass(frozen=True)
class Stored:
    """A file in a bucket.

    Attributes:
        name: without the prefix.
        bytes: its size.
        modified: when it was uploaded.
    """

    name: str
    bytes: int
    modified: datetime


def parse_bucket(address: str) -> Bucket:
    """Parse an address such as `s3://BUCKET/PREFIX`."""
    name, _, prefix = address.removeprefix("s3://").partition("/")
    return Bucket(name, f"{prefix}/" if prefix else "")


def _client() -> Any:
    """Return a client for the credentials and the endpoint of the environment."""
    return _make_client(tuple(sorted((key, value) for key, value in os.environ.items() if key[:4] == "AWS_")))


@lru_cache(maxsize=2)
def _make_client(_environment: tuple[tuple[str, str], ...]) -> Any:
    import boto3
    from botocore.config import Config

    attempts = {} if "AWS_MAX_ATTEMPTS" in os.environ else {"total_max_attempts": ATTEMPTS}
    config = Config(
        retries={"mode": "standard", **attempts},
        connect_timeout=10,
        max_pool_connections=2 * THREADS,
        # Other servers than AWS need not know the checksums that boto3 adds by itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session: Any = boto3.Session()
    return session.client("s3", config=config)


@contextmanager
def explained(bucket: Bucket, name: str = "") -> Generator[None]:
    """Raise a UserError in place of the errors of boto3.

    Args:
        bucket: for the messages.
        name: of the file, if the work is about one.
    """
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError:
        raise UserError(
            "storage.layout in params.yaml is bucket, and boto3 is not installed.",
            "Run `make setup`, or `uv sync --extra share`.",
        ) from None
    try:
        yield
    except ClientError as error:
        raise _explain_answer(bucket, name, cast("Any", error).response["Error"]) from None
    except BotoCoreError as error:
        raise _explain_failure(bucket, error) from None
    except ValueError as error:
        if "endpoint" not in str(error):
            raise
        raise UserError(f"{error}.", "Correct AWS_ENDPOINT_URL.") from None


def _explain_answer(bucket: Bucket, name: str, error: Mapping[str, object]) -> UserError:
    code = str(error.get("Code", ""))
    for codes, problem, hint in ANSWERS:
        if code in codes:
            return UserError(problem.format(name=bucket.name, file=bucket.address(name), code=code), hint)
    text = str(error.get("Message", "")).rstrip(".")
    return UserError(
        f"{bucket.address(name)} cannot be used: {code}: {text}.", "Run again; finished uploads are kept."
    )


def _explain_failure(bucket: Bucket, error: Exception) -> UserError:
    from botocore import exceptions

    where = f"bucket s3://{bucket.name}"
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return UserError(
            f"There are no credentials for the {where}.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in as ~/.aws/config says.",
        )
    unreachable = exceptions.HTTPClientError | exceptions.ConnectionError | exceptions.IncompleteReadError
    if isinstance(error, unreachable):
        return UserError(
            f"The {where} is not reachable: {str(error).rstrip('.')}.",
            "Check the network and AWS_ENDPOINT_URL, and run again; finished uploads are kept.",
        )
    return UserError(f"The {where} cannot be used: {error}.", "Correct the credentials in ~/.aws or AWS_….")


def require_bucket(bucket: Bucket) -> None:
    """Check that a bucket answers, before hours of work that end there.

    Raises:
        UserError: it cannot be reached or used.
    """
    with explained(bucket):
        _client().list_objects_v2(Bucket=bucket.name, Prefix=bucket.prefix, MaxKeys=1)


def upload(bucket: Bucket, file: Path, size: int, sha256: str) -> bool:
    """Upload a file under its name, unless it is there; return whether it was uploaded.

    Raises:
        UserError: the file there has other bytes, which are not overwritten, or the bucket cannot be used.
    """
    if size > LARGEST:
        raise UserError(f"{file} has more than {LARGEST / 1e9:.0f} GB.", "Lower storage.shard_images.")
    with explained(bucket, file.name):
        there = _look_up(bucket, file.name)
        if there is None and _put(bucket, file, sha256):
            return True
        # Another process may have been faster.
        size_there, sha256_there = there or _look_up(bucket, file.name) or (0, "")
    if not sha256_there:
        sha256_there = _read_sha256(bucket, file.name)
    if (size_there, sha256_there) != (size, sha256):
        raise damaged(bucket, file.name)
    return False


def damaged(bucket: Bucket, name: str) -> UserError:
    """Return the error of a file that has other bytes than its name says."""
    return UserError(
        f"{bucket.address(name)} is damaged: its size or SHA-256 is not that of the shard.",
        f"Delete it, as nothing overwrites a shard; then {MAKE_AGAIN}",
    )


def _look_up(bucket: Bucket, name: str) -> tuple[int, str] | None:
    """Return the size and the SHA-256, empty if unknown, of a file; None if it is not there."""
    from botocore.exceptions import ClientError

    try:
        found = _client().head_object(Bucket=bucket.name, Key=bucket.prefix + name, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise
    checksum = found.get("ChecksumSHA256")
    stated = base64.b64decode(checksum).hex() if checksum else found.get("Metadata", {}).get("sha256", "")
    return int(found["ContentLength"]), stated


def _put(bucket: Bucket, file: Path, sha256: str) -> bool:
    """Upload a file; return False if another process has done it in the meantime."""
    from botocore.exceptions import ClientError

    with file.open("rb") as opened:
        md5 = hashlib.file_digest(opened, partial(hashlib.md5, usedforsecurity=False)).digest()
        request = {
            "Bucket": bucket.name,
            "Key": bucket.prefix + file.name,
            "Body": opened,
            # The server compares one of them with what arrived, whichever it knows.
            "ContentMD5": base64.b64encode(md5).decode(),
            "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode(),
            "Metadata": {"sha256": sha256},
        }
        opened.seek(0)
        try:
            _client().put_object(**request, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] in TAKEN:
                return False
            if error.response["Error"]["Code"] != "NotImplemented":
                raise
            # Some servers know no conditions. Nothing was there a moment ago.
            opened.seek(0)
            _client().put_object(**request)
    return True


def _read_sha256(bucket: Bucket, name: str) -> str:
    """Compute the SHA-256 of a file that was uploaded without one."""
    digest = hashlib.sha256()
    with explained(bucket, name):
        for data in _stream(bucket, name):
            digest.update(data)
    return digest.hexdigest()


def _stream(bucket: Bucket, name: str, part: str = "") -> Iterator[bytes]:
    wanted = {"Range": part} if part else {}
    answer = _client().get_object(Bucket=bucket.name, Key=bucket.prefix + name, **wanted)
    with closing(answer["Body"]) as body:
        yield from body.iter_chunks(CHUNK)


def download(bucket: Bucket, name: str, target: Path, sha256: str = "") -> None:
    """Download a file; start again if the connection breaks or bytes are wrong.

    Args:
        bucket: that holds it.
        name: of the file.
        target: to write; in a folder that exists.
        sha256: of the file; empty to take any bytes.

    Raises:
        UserError: it is missing or damaged, or the bucket cannot be used.
    """

    def once() -> str:
        digest = hashlib.sha256()
        with target.open("wb") as file:
            for data in _stream(bucket, name):
                digest.update(data)
                file.write(data)
        return digest.hexdigest()

    if _until(bucket, name, once, lambda found: sha256 in ("", found)) is None:
        target.unlink()
        raise damaged(bucket, name)


def read_part(bucket: Bucket, name: str, offset: int, size: int, is_right: Callable[[bytes], bool]) -> bytes:
    """Read some bytes of a file by a ranged request.

    Args:
        bucket: that holds it.
        name: of the file.
        offset: of the first byte.
        size: number of bytes.
        is_right: checks the bytes.

    Raises:
        UserError: the file is missing or damaged, or the bucket cannot be used.
    """

    def once() -> bytes:
        return b"".join(_stream(bucket, name, f"bytes={offset}-{offset + size - 1}"))

    found = _until(bucket, name, once, is_right)
    if found is None:
        raise damaged(bucket, name)
    return found


def _until(
    bucket: Bucket, name: str, once: Callable[[], Read], is_right: Callable[[Read], bool]
) -> Read | None:
    """Read until the result is right, a few times; None if it never is."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    for left in reversed(range(TRIES)):
        with explained(bucket, name):
            try:
                if is_right(found := once()):
                    return found
            except (HTTPClientError, IncompleteReadError):
                if not left:
                    raise
    return None


def list_files(bucket: Bucket) -> list[Stored]:
    """List all files below the prefix of a bucket.

    Raises:
        UserError: the bucket cannot be used.
    """
    with explained(bucket):
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix=bucket.prefix)
        return [
            Stored(item["Key"].removeprefix(bucket.prefix), item["Size"], item["LastModified"])
            for page in pages
            for item in page.get("Contents", [])
        ]


def delete(bucket: Bucket, names: Iterable[str]) -> None:
    """Delete files.

    Raises:
        UserError: the bucket cannot be used.
    """

    def remove(name: str) -> None:
        with explained(bucket, name):
            _client().delete_object(Bucket=bucket.name, Key=bucket.prefix + name)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(remove, names))
