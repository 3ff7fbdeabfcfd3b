"""Bills of materials in CycloneDX 1.6: packages, and models with their files, data and metrics."""

import hashlib
import json
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from herodex import paths
from herodex.errors import UserError
from herodex.lineage.lock import ModelLineage, library_versions

BOM = Path("bom.cdx.json")
UV = Path(".tools") / "bin" / "uv"
EXPORT = (
    *("export", "--frozen", "--offline", "--quiet", "--preview-features", "sbom-export"),
    *("--no-dev", "--extra", "serve", "--extra", "redis", "--no-emit-project", "--format", "cyclonedx1.5"),
)
"""Arguments of uv: the packages of `requirements-serve.txt`, which has the same options in its head.

uv writes CycloneDX 1.5 at most, and every such bill is one of 1.6, too.
"""
VERSION = {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
}
TASKS = {"classifier": "image classification", "generator": "text generation"}
WEIGHTS = "backbone.bin"
MAX_METRICS = 40
"""Metrics of a model in the bill; all are in its lineage."""


def write_bom(context: Path, lineage: Mapping[str, ModelLineage]) -> None:
    """Write the bill of materials of a build context, whose models and `bentofile.yaml` are in place.

    Args:
        context: Folder that the bento is built from.
        lineage: Of each model by its name.

    Raises:
        UserError: uv is missing or cannot read the lock.
    """
    bom = locked_packages()
    bom["components"] += describe_models(context, packaged_model_files(context), lineage)
    _write(bom, context / BOM)


def write_project_bom(lineage: Mapping[str, ModelLineage], file: Path) -> None:
    """Write the bill of materials of the models in `models/` and of the libraries that made them."""
    folders = model_folders(lineage)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    models = describe_models(Path(), sorted(files), lineage)
    bom = {**VERSION, "version": 1, "components": [*used_libraries(lineage), *models]}
    if paths.BACKBONE in folders:
        needed = str(paths.BACKBONE)
        bom["dependencies"] = [{"ref": str(paths.CLASSIFIER), "dependsOn": [needed]}, {"ref": needed}]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(bom, sort_keys=True))
    _write(bom | {"serialNumber": f"urn:uuid:{serial}"}, file)


def model_folders(lineage: Mapping[str, ModelLineage]) -> list[Path]:
    """List the folders that a service of these models reads; a fine-tuned classifier has its own backbone."""
    shared = "classifier" in lineage and not (paths.CLASSIFIER / WEIGHTS).exists()
    return [*([paths.BACKBONE] if shared else []), *(paths.MODELS / name for name in lineage)]


def _write(bom: Mapping[str, Any], file: Path) -> None:
    file.write_text(json.dumps(bom, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def used_libraries(lineage: Mapping[str, ModelLineage]) -> list[dict[str, Any]]:
    """Describe the libraries that the stages of the models computed with, in their locked versions."""
    records = [record for entry in lineage.values() for record in entry["stages"].values()]
    purls = {f"pkg:pypi/{name}@{version}": (name, version) for name, version in library_versions(records)}
    return [
        {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        for purl, (name, version) in purls.items()
    ]


def locked_packages() -> dict[str, Any]:
    """Read the service's packages from `uv.lock` of the current folder, as CycloneDX.

    The result depends on the lock and uv's version alone: the time and the random serial number, both
    optional in CycloneDX, are left out, so that the same bento has the same bill.

    Raises:
        UserError: uv is missing or cannot read the lock.
    """
    command = [shutil.which("uv") or str(UV), *EXPORT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        problem = getattr(error, "stderr", None) or error
        raise UserError(f"uv cannot list the bento's packages: {problem}", "Run `make setup`.") from None
    bom = json.loads(done.stdout)
    del bom["serialNumber"], bom["metadata"]["timestamp"]
    return VERSION | {key: value for key, value in bom.items() if key not in VERSION}


def packaged_model_files(context: Path) -> list[Path]:
    """Return the model files that `bentofile.yaml` includes, relative to the build context."""
    included = yaml.safe_load((context / "bentofile.yaml").read_text(encoding="utf-8"))["include"]
    patterns = [pattern.lstrip("/") for pattern in included if pattern.startswith(f"/{paths.MODELS}/")]
    return sorted({file.relative_to(context) for pattern in patterns for file in context.glob(pattern)})


def describe_models(
    context: Path, files: list[Path], lineage: Mapping[str, ModelLineage]
) -> list[dict[str, Any]]:
    """Describe the models that files belong to, by the names of their folders.

    Args:
        context: Folder that the paths are relative to.
        files: Of all models.
        lineage: Of each model by its name.
    """
    found: list[dict[str, Any]] = []
    for name in sorted({file.parts[1] for file in files if len(file.parts) > 2}):
        own = [file for file in files if file.parts[1] == name]
        if name == paths.BACKBONE.name:
            weights = (context / paths.BACKBONE / WEIGHTS).read_bytes()
            found.append(describe_model(context, own, hashlib.sha256(weights).hexdigest()))
        else:
            entry = lineage[name]
            found.append(describe_model(context, own, entry["model"]) | {"modelCard": card(name, entry)})
    return found


def describe_model(context: Path, files: list[Path], version: str) -> dict[str, Any]:
    """Describe a model with its files and their SHA-256."""
    folder = files[0].parts[1]
    return {
        "type": "machine-learning-model",
        "bom-ref": f"{paths.MODELS}/{folder}",
        "name": folder,
        "version": version,
        "components": [
            {
                "type": "file",
                "bom-ref": str(file),
                "name": str(file),
                "hashes": [
                    {"alg": "SHA-256", "content": hashlib.sha256((context / file).read_bytes()).hexdigest()}
                ],
            }
            for file in files
        ],
    }


def card(name: str, lineage: ModelLineage) -> dict[str, Any]:
    """Write the model card of CycloneDX: task, data by part and by licence, and metrics with intervals."""
    data, metrics = lineage["data"], lineage["metrics"]
    counts = {f"part {part}": count for part, count in data["by_part"].items()}
    counts |= {f"licence {license}": count for license, count in data.get("by_license", {}).items()}
    return {
        "modelParameters": {
            "task": TASKS[name],
            "datasets": [
                {
                    "type": "dataset",
                    "name": "herodex-images" if name == "classifier" else "herodex-names",
                    "contents": {
                        "properties": [{"name": key, "value": str(count)} for key, count in counts.items()]
                    },
                }
            ],
        },
        "quantitativeAnalysis": {
            "performanceMetrics": [
                {
                    "type": metric,
                    "value": f"{figure['value']:.6g}",
                    "confidenceInterval": {
                        "lowerBound": f"{figure['low']:.6g}",
                        "upperBound": f"{figure['high']:.6g}",
                    },
                }
                for metric, figure in list(metrics.items())[:MAX_METRICS]
            ]
        },
    }
