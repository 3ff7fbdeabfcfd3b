"""The code and the versions of libraries that the work of shards depends on."""

import hashlib
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("cleanvision", "imagehash", "numpy", "openvino", "pandas", "pillow", "pydantic", "scipy")


@cache
def code_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries, and a hash of Herodex's own source."""
    found = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}", "Herodex": _source_hash()[:12]}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _source_hash() -> str:
    digest, package = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
