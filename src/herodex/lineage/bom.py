"""Bill of materials of a bento in CycloneDX: its locked packages, and its models by file."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from herodex import paths
from herodex.errors import UserError

BOM = Path("bom.cdx.json")
UV = Path(".tools") / "bin" / "uv"
EXPORT = (
    *("export", "--frozen", "--offline", "--quiet", "--preview-features", "sbom-export"),
    *("--no-dev", "--extra", "serve", "--extra", "redis", "--no-emit-project", "--format", "cyclonedx1.5"),
)
"""Arguments of uv: the packages of `requirements-serve.txt`, which has the same options in its head."""


def write_bom(context: Path, versions: dict[str, str]) -> None:
    """Write the bill of materials of a build context, whose models and `bentofile.yaml` are in place.

    Args:
        context: Folder that the bento is built from.
        versions: Hash of each model by the name of its folder.

    Raises:
        UserError: uv is missing or cannot read the lock.
    """
    bom = locked_packages()
    files = packaged_model_files(context)
    for name in sorted({file.parts[1] for file in files if len(file.parts) > 2}):
        own = [file for file in files if file.parts[1] == name]
        bom["components"].append(describe_model(context, own, versions[name]))
    text = json.dumps(bom, indent=2, ensure_ascii=False) + "\n"
    (context / BOM).write_text(text, encoding="utf-8")


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
    return bom


def packaged_model_files(context: Path) -> list[Path]:
    """Return the model files that `bentofile.yaml` includes, relative to the build context."""
    included = yaml.safe_load((context / "bentofile.yaml").read_text(encoding="utf-8"))["include"]
    patterns = [pattern.lstrip("/") for pattern in included if pattern.startswith(f"/{paths.MODELS}/")]
    return sorted({file.relative_to(context) for pattern in patterns for file in context.glob(pattern)})


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
