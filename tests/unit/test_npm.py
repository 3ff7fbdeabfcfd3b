import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from herodex.npm import Package, fetch_package


def tarball(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as package:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A replacement for npm, without its script yet."""
    program = tmp_path / "npm"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def test_package_files_are_returned_by_path(npm: Path) -> None:
    data = tarball({"package/a.txt": b"one", "package/b/c.txt": b"two"})
    (npm.parent / "kept.tgz").write_bytes(data)
    npm.write_text(f"#!/bin/sh\n[ $2 = thing@1.0.0 ] && cp {npm.parent}/kept.tgz thing-1.0.0.tgz\n")
    package = Package("thing@1.0.0", hashlib.sha256(data).hexdigest())
    assert fetch_package(package) == {"package/a.txt": b"one", "package/b/c.txt": b"two"}


def test_package_with_another_hash_is_refused(npm: Path) -> None:
    npm.write_text("#!/bin/sh\necho other > thing-1.0.0.tgz\n", encoding="utf-8")
    with pytest.raises(OSError, match=r"thing@1\.0\.0 is not the known package"):
        fetch_package(Package("thing@1.0.0", "00"))


def test_message_of_a_failing_npm_is_reported(npm: Path) -> None:
    npm.write_text("#!/bin/sh\necho registry is on holiday >&2\nexit 1\n", encoding="utf-8")
    with pytest.raises(OSError, match="registry is on holiday"):
        fetch_package(Package("thing@1.0.0", "00"))
