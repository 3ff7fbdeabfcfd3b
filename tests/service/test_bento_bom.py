"""The bento's bill of materials: every package with its version and every model file with its hash."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tiny_lineage import tiny_lineage
from tiny_service import ROOT, make_project

from herodex.errors import UserError
from herodex.lineage import bom
from herodex.lineage.bom import BOM, write_bom


def test_bom_is_named_by_the_bentofile() -> None:
    assert f'"/{BOM}"' in (ROOT / "bentofile.yaml").read_text(encoding="utf-8")


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build context with tiny models, beside the project's own lock."""
    monkeypatch.chdir(ROOT)
    project = make_project(tmp_path / "context")
    shutil.copy(ROOT / "bentofile.yaml", project)
    (project / "models/generator/gru.weights.h5").write_bytes(b"not in the bento")
    return project


def written(context: Path) -> dict[str, Any]:
    """Write and read the bill of materials."""
    write_bom(context, tiny_lineage(context))
    return json.loads((context / BOM).read_text(encoding="utf-8"))


def test_bom_names_each_required_package_with_its_version_and_hashes(context: Path) -> None:
    found = written(context)
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    packages = [part for part in found["components"] if part["type"] == "library"]
    required = (ROOT / "requirements-serve.txt").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    pins = {line.split()[0] for line in required if "==" in line and not line.startswith("#")}
    assert {f"{part['name']}=={part['version']}" for part in packages} == pins
    for part in packages:
        assert part["purl"].startswith(f"pkg:pypi/{part['name']}@{part['version']}")
        assert all(reference["hashes"] for reference in part["externalReferences"])


def test_bom_names_each_packaged_model_file_with_its_hash(context: Path) -> None:
    models = [part for part in written(context)["components"] if part["type"] == "machine-learning-model"]
    lineage = tiny_lineage(context)
    versions = {name: entry["model"] for name, entry in lineage.items()}
    versions["backbone"] = lineage["classifier"]["backbone"]["ir_sha256"]
    assert {part["name"]: part["version"] for part in models} == versions
    files = {part["name"]: part["hashes"][0]["content"] for model in models for part in model["components"]}
    assert files == {
        name: hashlib.sha256((context / name).read_bytes()).hexdigest()
        for name in (str(file.relative_to(context)) for file in (context / "models").rglob("*.*"))
        if not name.endswith(".h5")
    }


def test_bom_is_valid_by_the_schema_of_its_version(context: Path) -> None:
    bom = written(context)
    # A few libraries are enough for the form; all of them would take a minute.
    libraries = [part for part in bom["components"] if part["type"] == "library"][:3]
    models = [part for part in bom["components"] if part["type"] == "machine-learning-model"]
    assert len(models) == 3
    bom |= {"components": libraries + models, "dependencies": []}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None


def test_references_in_bom_are_unique(context: Path) -> None:
    parts = written(context)["components"]
    references = [part["bom-ref"] for part in parts]
    references += [inner["bom-ref"] for part in parts for inner in part.get("components", [])]
    assert len(references) == len(set(references))


def test_bom_of_the_same_bento_is_the_same(context: Path) -> None:
    first = written(context)
    (context / BOM).unlink()
    assert written(context) == first
    assert "serialNumber" not in first
    assert "timestamp" not in first["metadata"]


def test_missing_uv_is_reported(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(bom, "UV", Path("no/uv"))
    with pytest.raises(UserError, match="cannot list the bento's packages") as caught:
        write_bom(context, tiny_lineage(context))
    assert "make setup" in caught.value.hint
