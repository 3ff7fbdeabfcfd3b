"""`herodex bento`: puts the champions, or models that are named, into a bento with their lineage."""

import hashlib
import json
import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.errors import UserError
from herodex.lineage.bentos import COMMIT
from herodex.lineage.registry import CHAMPION, Registered, by_alias, by_number, files_of, lineage_of
from herodex.tracking import commit_tags

log = logging.getLogger(__name__)

ROOMS = ("classifier", "generator")
FOLDER = "folder"
"""Asked for as a model, it stands for what is in `models/`."""
CACHE = Path(".dvc") / "cache" / "files" / "md5"


def build_bento(wanted: dict[str, str]) -> None:
    """Build a bento of one classifier and one generator.

    Args:
        wanted: the version of a registered model, by its name, or `folder`; a model that is not named is the
            champion, or where there is none, what is in `models/`.

    Raises:
        UserError: a model, or what it needs, is not there.
    """
    # The build context is a folder of its own, so that nothing in the project changes for another model.
    with tempfile.TemporaryDirectory() as name:
        context = Path(name)
        for file in ("bentofile.yaml", "requirements-serve.txt", "README.md", "params.yaml", "service.py"):
            shutil.copy(file, context)
        shutil.copytree("src", context / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree("deploy", context / "deploy")
        if paths.EXAMPLES.exists():
            shutil.copytree(paths.EXAMPLES, context / paths.EXAMPLES)
        (context / paths.CLEAN_NAMES).parent.mkdir(parents=True, exist_ok=True)
        lineage = {room: add_model(room, wanted.get(room), context) for room in ROOMS}
        add_backbone(lineage["classifier"], context)
        add_names(lineage["generator"], context)
        text = json.dumps(lineage, indent=2, ensure_ascii=False) + "\n"
        (context / paths.LINEAGE).write_text(text, encoding="utf-8")
        tags = commit_tags()
        changed = " with changes" if tags.get("changed_since_commit") == "true" else ""
        commit = {"commit": tags.get("mlflow.source.git.commit", "unknown") + changed}
        (context / paths.MODELS / COMMIT).write_text(json.dumps(commit) + "\n", encoding="utf-8")
        done = subprocess.run([sys.executable, "-m", "bentoml", "build"], cwd=context, check=False)
    if done.returncode:
        raise UserError("BentoML could not build the bento.", "Read its message above.")


def add_model(room: str, version: str | None, context: Path) -> dict[str, Any]:
    """Put a model into the build context; returns its lineage."""
    folder = paths.MODELS / room
    here = json.loads(paths.LINEAGE.read_text(encoding="utf-8"))[room] if paths.LINEAGE.exists() else None
    registered = chosen(room, version)
    if registered is None or (here and here["model"] == registered.model):
        if here is None or not folder.exists():
            raise UserError(
                f"{folder} or {paths.LINEAGE} is missing.", "Run `make run`, or `dvc pull models`."
            )
        log.info("%s %s, from models/", room, here["model"][:12])
        shutil.copytree(folder, context / folder)
        return here
    log.info("%s %s, version %s of the registry", room, registered.model[:12], registered.version)
    with files_of(registered) as files:
        shutil.copytree(files, context / folder)
    return lineage_of(registered)


def chosen(room: str, version: str | None) -> Registered | None:
    """The registered version to take, or None for what is in `models/`."""
    if version == FOLDER:
        return None
    if version:
        return by_number(room, version)
    champion = by_alias(room, CHAMPION)
    if champion is None:
        log.info("no %s is champion yet (`make promote` makes one): taking what is in models/", room)
    return champion


def add_backbone(lineage: dict[str, Any], context: Path) -> None:
    """Put the backbone into the build context with which a classifier was trained, unless it has its own."""
    if (context / paths.CLASSIFIER / "backbone.bin").exists():
        return
    weights = paths.BACKBONE / "backbone.bin"
    wanted = lineage["backbone"]["ir_sha256"]
    if not weights.exists() or hashlib.sha256(weights.read_bytes()).hexdigest() != wanted:
        raise UserError(
            f"{paths.BACKBONE} is not the backbone {wanted[:12]} of the classifier {lineage['model'][:12]}.",
            "Check out the commit of that classifier, and run `dvc checkout models/backbone`.",
        )
    shutil.copytree(paths.BACKBONE, context / paths.BACKBONE)


def add_names(lineage: dict[str, Any], context: Path) -> None:
    """Put the names into the build context from which a generator learnt, to tell new ones from real ones."""
    wanted = lineage["stages"]["clean_names"]["outputs"][str(paths.CLEAN_NAMES)]
    for file in (paths.CLEAN_NAMES, CACHE / wanted[:2] / wanted[2:]):
        if file.exists() and hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() == wanted:
            shutil.copy(file, context / paths.CLEAN_NAMES)
            return
    raise UserError(
        f"The names from which the generator {lineage['model'][:12]} learnt are not in DVC's cache.",
        "Check out the commit of that generator, and run `dvc pull`.",
    )
