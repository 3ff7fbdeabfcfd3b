"""Versions of the libraries that the work of shards imports."""

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("cleanvision", "imagehash", "numpy", "openvino", "pandas", "pillow", "pydantic", "scipy")


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are installed."""
    found = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
