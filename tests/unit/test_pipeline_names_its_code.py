"""Each stage names the code that it runs and the libraries that it computes with.

So an edit or an upgrade reruns just what it can change.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
STAGES = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
VERSIONS = yaml.safe_load((PROJECT / "versions.yaml").read_text(encoding="utf-8"))
PACKAGES = ("crawlers", "demo_web", "herodex")
SHARED = {
    f"src/herodex/{name}.py"
    for name in (
        "class_folders",
        "class_names",
        "command",
        "cpus",
        "errors",
        "json_record",
        "kernels",
        "params",
        "paths",
        "progress",
        "scale/code_versions",
        "scale/disk_errors",
        "scale/engine",
        "scale/parallel",
        "scale/ray_tasks",
        "scale/shard_results",
        "stage_times",
        "tensorflow_log",
        "tracking",
        "yaml_file",
    )
}
"""What all stages use, and what does not change their outputs."""
PACKAGE = PROJECT / "src" / "herodex" / "__init__.py"
"""It imports the models only when `herodex.load` is called; of its imports, stages run `kernels` alone."""
NOT_COMPUTING = {
    "boto3",
    "botocore",
    "jaxtyping",
    "mlflow",
    "mlflow-skinny",
    "mlflow-tracing",
    "psutil",
    "pydantic",
    "pyyaml",
    "ray",
    "requests",
    "sqlalchemy",
    "threadpoolctl",
    "tqdm",
}
"""Libraries that read settings, check types, move files, show progress or log runs."""
LAST = "record_lineage"
"""The stage that says of all others which code they ran, so that any change to code concerns it."""


def files_of(module: str) -> list[Path]:
    """The files of one of the project's own modules; of a package, also what `python -m` runs."""
    found = []
    for root in (PROJECT, PROJECT / "src"):
        place = root / module.replace(".", "/")
        candidates = (place.with_suffix(".py"), place / "__init__.py", place / "__main__.py")
        found += [path for path in candidates if path.is_file()]
    return found


def modules_of(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it, and perhaps names in them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Constant) and str(node.value).startswith("crawlers."):
            # Scrapy's settings name modules, and things in modules, as text.
            yield from (str(node.value), str(node.value).rpartition(".")[0])
        elif isinstance(node, ast.Constant) and node.value == "demo_web":
            # The demo web is started by a command line.
            yield "demo_web"


def code_of(module: str) -> set[Path]:
    """All of the project's files that a module needs."""
    found, new = set[Path](), set(files_of(module))
    assert new
    while new:
        found |= new
        needed = {file for path in new - {PACKAGE} for name in modules_of(path) for file in files_of(name)}
        new = needed - found
    return found


def libraries_of(files: set[Path]) -> set[str]:
    """The distributions, by their names in versions.yaml, that the files import."""
    distributions = packages_distributions()
    roots = {name.split(".")[0] for path in files for name in modules_of(path)}
    roots -= {*sys.stdlib_module_names, *PACKAGES, "_typeshed", "__main__"}
    found = {distributions[root][0].lower().replace("_", "-") for root in roots if root in distributions}
    # Keras computes by TensorFlow, whether or not that is imported by name.
    return found | ({"tensorflow"} if "keras" in found else set())


def versions_named_by(stage: str) -> set[str]:
    """The libraries whose versions a stage depends on."""
    for entry in STAGES[stage].get("params", []):
        if isinstance(entry, dict) and "versions.yaml" in entry:
            return set(VERSIONS if entry["versions.yaml"] is None else entry["versions.yaml"])
    return set()


def module_of(stage: str) -> str:
    command = STAGES[stage]["cmd"].split()
    assert command[:2] == ["python", "-m"]
    return command[2]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_runs_and_on_no_other(stage):
    named = {dep for dep in STAGES[stage]["deps"] if dep.startswith(("crawlers", "src"))}
    needed = {
        str(path.relative_to(PROJECT))
        for path in code_of(module_of(stage))
        if path.name != "__init__.py" and str(path.relative_to(PROJECT)) not in SHARED
    }
    missing = {path for path in needed if not any(path == dep or path.startswith(f"{dep}/") for dep in named)}
    assert missing == set()
    idle = {dep for dep in named if not any(path == dep or path.startswith(f"{dep}/") for path in needed)}
    assert idle == set() or stage == LAST


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_versions_of_the_libraries_that_it_computes_with(stage):
    needed = libraries_of(code_of(module_of(stage))) - NOT_COMPUTING
    assert versions_named_by(stage) >= needed
    assert versions_named_by(stage) <= set(VERSIONS)
    if stage != LAST:
        assert versions_named_by(stage) == needed


def test_the_versions_are_those_of_the_lock():
    lock = tomllib.loads((PROJECT / "uv.lock").read_text(encoding="utf-8"))
    locked = {(package["name"], package.get("version")) for package in lock["package"]}
    named = {(name, version) for name, versions in VERSIONS.items() for version in versions.split(", ")}
    assert named == {(name, version) for name, version in locked if name in VERSIONS}


def test_the_lineage_depends_on_all_code_params_and_outputs_that_it_speaks_of():
    before = {name: stage for name, stage in STAGES.items() if name != LAST}
    kinds = ("deps", "outs", "metrics", "plots")
    files = [path for stage in before.values() for kind in kinds for path in stage.get(kind, [])]
    files = {path if isinstance(path, str) else next(iter(path)) for path in files}
    deps = STAGES[LAST]["deps"]
    assert {
        path for path in files if not any(path == dep or path.startswith(f"{dep}/") for dep in deps)
    } == set()
    named = settings_of(LAST)
    settings = {key for stage in before for key in settings_of(stage)}
    assert {key for key in settings if not any(f"{key}.".startswith(f"{own}.") for own in named)} == set()


def settings_of(stage: str) -> list[str]:
    """The keys of params.yaml that a stage depends on."""
    keys = []
    for entry in STAGES[stage].get("params", []):
        keys += [entry] if isinstance(entry, str) else entry.get("params.yaml", [])
    return keys
