"""Each stage depends on the code that it runs, so that an edit reruns just what it can change."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
STAGES = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
SHARED = {
    f"src/herodex/{name}.py"
    for name in (
        "command",
        "errors",
        "mlflow_log",
        "params",
        "paths",
        "progress",
        "stage_times",
        "tracking",
    )
}
"""What all stages use, and what does not change their outputs."""


LAST = "record_lineage"
"""The stage that says of all others which code they ran, so that any change to code concerns it."""


def file_of(module: str) -> Path | None:
    """The file of one of the project's own modules."""
    for root in (PROJECT, PROJECT / "src"):
        place = root / module.replace(".", "/")
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None


def imports_of(path: Path) -> Iterator[Path]:
    """The project's own files that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and str(node.value).startswith("crawlers."):
            # Scrapy's settings name modules, and things in modules, as text.
            names = [str(node.value), str(node.value).rpartition(".")[0]]
        yield from (found for name in names if (found := file_of(name)))


def code_of(module: str) -> set[str]:
    """All of the project's files that a module needs, relative to the project; empty packages apart."""
    start = file_of(module)
    assert start
    found, new = {start}, [start]
    while new:
        more = set(imports_of(new.pop())) - found
        found |= more
        new += more
    return {str(path.relative_to(PROJECT)) for path in found if path.name != "__init__.py"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_runs_and_on_no_other(stage):
    command = STAGES[stage]["cmd"].split()
    assert command[:2] == ["python", "-m"]
    named = {dep for dep in STAGES[stage]["deps"] if (PROJECT / dep).suffix in {"", ".py"}}
    named = {dep for dep in named if dep.startswith(("crawlers", "src"))}
    needed = code_of(command[2]) - SHARED
    missing = {path for path in needed if not any(path == dep or path.startswith(f"{dep}/") for dep in named)}
    assert missing == set()
    if stage == LAST:
        return
    idle = {dep for dep in named if not any(path == dep or path.startswith(f"{dep}/") for path in needed)}
    assert idle == set()


def test_the_lineage_depends_on_all_code_params_and_outputs_that_it_speaks_of():
    before = {name: stage for name, stage in STAGES.items() if name != LAST}
    kinds = ("deps", "outs", "metrics", "plots")
    files = [path for stage in before.values() for kind in kinds for path in stage.get(kind, [])]
    files = {path if isinstance(path, str) else next(iter(path)) for path in files}
    params = {key for stage in before.values() for key in stage["params"]}
    deps = STAGES[LAST]["deps"]
    assert {
        path for path in files if not any(path == dep or path.startswith(f"{dep}/") for dep in deps)
    } == set()
    named = STAGES[LAST]["params"]
    assert {key for key in params if key.split(".")[0] not in named} == set()
