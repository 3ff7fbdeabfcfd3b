"""Write versions.yaml: the locked versions of the libraries that stages compute with, for DVC to watch.

DVC cannot watch single packages in uv.lock, and would rerun every stage for the upgrade of a linter.
"""

import sys
import tomllib
from pathlib import Path

import yaml


def named_libraries(pipeline: dict[str, dict[str, dict[str, list[object]]]]) -> set[str]:
    """List the libraries that the stages of dvc.yaml name."""
    entries = [entry for stage in pipeline["stages"].values() for entry in stage.get("params", [])]
    return {name for entry in entries if isinstance(entry, dict) for name in entry.get("versions.yaml") or []}


def main() -> None:
    """Write the file anew from dvc.yaml and uv.lock."""
    lock = tomllib.loads(Path("uv.lock").read_text(encoding="utf-8"))
    locked: dict[str, list[str]] = {}
    for package in lock["package"]:
        # There may be one version for each release of Python.
        locked.setdefault(package["name"], []).append(package.get("version", ""))
    named = named_libraries(yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8")))
    if missing := sorted(named - set(locked)):
        sys.exit(
            f"error: dvc.yaml names {', '.join(missing)}, which uv.lock lacks.\n  fix: Correct dvc.yaml."
        )
    lines = [f'{name}: "{", ".join(sorted(locked[name]))}"' for name in sorted(named)]
    head = (
        "# Versions of uv.lock that stages depend on. `python scripts/lock_versions.py` writes this file.\n"
    )
    Path("versions.yaml").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
