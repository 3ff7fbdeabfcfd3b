"""Fetch packages from the npm registry, for files that Herodex may not redistribute."""

import hashlib
import io
import os
import shutil
import subprocess
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class Package(NamedTuple):
    """A package as `name@version`, and the sha256 of its tarball."""

    spec: str
    sha256: str


def fetch_package(package: Package) -> dict[str, bytes]:
    """Fetch a package with npm; return its files by path, which starts with `package/`.

    Raises:
        OSError: npm is missing, the package cannot be fetched, or its sha256 differs.
    """
    return read_tarball(fetch_tarball(package))


def fetch_tarball(package: Package) -> bytes:
    """Fetch a package's tarball with npm and check its sha256.

    Raises:
        OSError: npm is missing, the package cannot be fetched, or its sha256 differs.
    """
    npm = shutil.which("npm") or str(Path(sysconfig.get_path("scripts")) / "npm")
    if not Path(npm).exists():
        raise OSError("npm is missing")
    environment = dict(os.environ)
    if SYSTEM_CERTIFICATES.exists():
        # Node ignores the system's certificates, which a company's proxy needs.
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(SYSTEM_CERTIFICATES))
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", package.spec, "--silent", "--cache", f"{folder}/cache"]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise OSError(f"npm could not fetch {package.spec}: {done.stderr.strip()[-300:]}")
        tarball = next(Path(folder).glob("*.tgz")).read_bytes()
    if hashlib.sha256(tarball).hexdigest() != package.sha256:
        raise OSError(f"{package.spec} is not the known package: its sha256 differs")
    return tarball


def read_tarball(tarball: bytes) -> dict[str, bytes]:
    """Read all files of a tarball into memory, by path."""
    with tarfile.open(fileobj=io.BytesIO(tarball)) as package:
        files = {member.name: package.extractfile(member) for member in package if member.isfile()}
        return {name: file.read() for name, file in files.items() if file}
