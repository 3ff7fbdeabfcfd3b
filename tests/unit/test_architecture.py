"""Imports run down only: from what serves and explains, over what learns, to what computes and reads."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
MODULES = {
    ".".join(path.relative_to(root).with_suffix("").parts): path
    for root, packages in ((PROJECT / "src", ("herodex", "demo_web")), (PROJECT, ("crawlers",)))
    for package in packages
    for path in sorted((root / package).rglob("*.py"))
}
HELPERS = "herodex"
"""The small modules beside the packages."""
MAY_IMPORT = {
    "crawlers": {"demo_web", HELPERS},
    "demo_web": {"dataset", HELPERS},
    "herodex.local": {"generator", "inference", "serving", HELPERS},
    "herodex.review": {"curation", "dataset", HELPERS},
    "herodex.serving": {"generator", "inference", HELPERS},
    "herodex.lineage": {"curation", "dataset", "evaluation", "generator", "inference", HELPERS},
    "herodex.portable": {"dataset", "generator", "inference", HELPERS},
    "herodex.evaluation": {"classifier", "curation", "dataset", "embedding", "inference", HELPERS},
    "herodex.classifier": {"dataset", "embedding", "inference", "scale", HELPERS},
    "herodex.embedding": {"dataset", "inference", "scale", HELPERS},
    "herodex.curation": {"dataset", "inference", "scale", HELPERS},
    "herodex.generator": {HELPERS},
    "herodex.inference": {"dataset", HELPERS},
    "herodex.dataset": {HELPERS},
    "herodex.scale": {HELPERS},
    "herodex.web": set[str](),
    HELPERS: set[str](),
}
"""Which other packages each one may import."""
TRAINS_OR_TRACKS = {
    "tensorflow",
    "keras",
    "mlflow",
    "dvc",
    "pandas",
    "scrapy",
    "sklearn",
    "matplotlib",
    "faiss",
}


def package_of(module: str) -> str:
    """The package that the rules speak of: `herodex.curation`, `crawlers`, or `herodex` for its helpers."""
    parts = module.split(".")
    if parts[0] != "herodex":
        return parts[0]
    inside = ".".join(parts[:2])
    return inside if inside in MAY_IMPORT else "herodex"


def imports_of(source: str) -> Iterator[str]:
    """What a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(module: str, source: str) -> list[str]:
    """The imports of a module that the rules forbid."""
    own = package_of(module)
    allowed = {own} | {name if name in MAY_IMPORT else f"herodex.{name}" for name in MAY_IMPORT[own]}
    # The command line starts what lies in the packages.
    if module in {"herodex.cli", "herodex.__init__"}:
        return []
    ours = (name for name in imports_of(source) if name.split(".")[0] in {"herodex", "crawlers", "demo_web"})
    wrong = [name for name in ours if package_of(name) not in allowed]
    if own in {"herodex.inference", "herodex.local", "herodex.serving"}:
        wrong += [name for name in imports_of(source) if name.split(".")[0] in TRAINS_OR_TRACKS]
    return wrong


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_down_only(module):
    assert wrong_imports(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("herodex.inference.ood", "from herodex.classifier.head import fit_head"),
        ("herodex.inference.ood", "import tensorflow as tf"),
        ("herodex.inference.ood", "def late():\n    import pandas"),
        ("herodex.generator.sample", "from herodex.inference import views"),
        ("herodex.curation.clean", "from herodex.classifier import linear"),
        ("herodex.statistics", "from herodex.evaluation import metrics"),
        ("herodex.params", "from crawlers import web"),
        ("herodex.dataset.manifest", "import demo_web.truth"),
        ("crawlers.web", "from herodex.dataset import manifest"),
    ],
)
def test_a_wrong_import_is_found(module, line):
    assert wrong_imports(module, line) != []
