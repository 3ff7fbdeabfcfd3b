"""`herodex bento`: package the champions or other versions, with their provenance, into a bento."""

import csv
import hashlib
import json
import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from herodex import paths
from herodex.errors import UserError
from herodex.generator.language_model import model_hash as generator_hash
from herodex.inference.predict import model_hash as classifier_hash
from herodex.json_record import read_json
from herodex.lineage.bentos import COMMIT, bento_folder
from herodex.lineage.bom import write_bom
from herodex.lineage.cards import classifier_card, generator_card
from herodex.lineage.croissant import CROISSANT, IMAGES
from herodex.lineage.lock import ModelLineage
from herodex.lineage.registry import CHAMPION, Version, by_alias, by_number, downloaded, read_lineage
from herodex.lineage.signature import check_private_key, sign
from herodex.lineage.slsa import PACKED, files_below, hash_files, make_statement, write_statement
from herodex.params import load_params
from herodex.thumbnails import existing_thumbnails
from herodex.tracking import commit_tags

log = logging.getLogger(__name__)

MODELS = {"classifier": classifier_hash, "generator": generator_hash}
"""The functions that hash the files of each model."""
CARDS = {"classifier": classifier_card, "generator": generator_card}
FOLDER = "folder"
"""The version that means the model in `models/`."""
CACHE = Path(".dvc") / "cache" / "files" / "md5"


def build_bento(wanted: dict[str, str], key: Path | None = None) -> None:
    """Build a bento of one classifier and one generator.

    Args:
        wanted: a version, or `folder` for the model in `models/`, by the name of the registered model. The
            default is the champion, or the model in `models/` if there is no champion.
        key: file with the private key that signs the bento.

    Raises:
        UserError: the key cannot be used; or a model, its backbone or its names are missing, or are not those
            of its lineage.
    """
    if key:
        check_private_key(key)
    # A separate build context: the project's own models stay as they are.
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for file in ("bentofile.yaml", "requirements-serve.txt", "README.md", "params.yaml", "service.py"):
            shutil.copy(file, context)
        shutil.copytree("src", context / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree("deploy", context / "deploy")
        if paths.EXAMPLES.exists():
            shutil.copytree(paths.EXAMPLES, context / paths.EXAMPLES)
        (context / paths.CLEAN_NAMES).parent.mkdir(parents=True, exist_ok=True)
        lineage = {name: add_model(name, wanted.get(name), context) for name in MODELS}
        add_backbone(lineage["classifier"], context)
        add_thumbnails(context)
        add_names(lineage["generator"], context)
        text = json.dumps(lineage, indent=2, ensure_ascii=False) + "\n"
        (context / paths.LINEAGE).write_text(text, encoding="utf-8")
        tags = commit_tags()
        changed = " with changes" if tags.get("changed_since_commit") == "true" else ""
        commit = {"commit": tags.get("mlflow.source.git.commit", "unknown") + changed}
        (context / paths.MODELS / COMMIT).write_text(json.dumps(commit) + "\n", encoding="utf-8")
        write_bom(context, lineage)
        tag = run_bentoml(context)
    bento = bento_folder(tag)
    add_provenance(bento, lineage, tags)
    if key:
        sign(bento, key)
    log.info("built bento %s%s: `herodex verify %s` checks it", tag, ", signed" if key else "", tag)


def run_bentoml(context: Path) -> str:
    """Build a bento from a build context; return its tag.

    Raises:
        UserError: BentoML cannot build it.
    """
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    done = subprocess.run(command, cwd=context, stdout=subprocess.PIPE, text=True, check=False)
    _, found, tag = done.stdout.partition("__tag__:")
    if done.returncode or not found:
        raise UserError(f"BentoML could not build the bento. {done.stdout}", "See its messages above.")
    return tag.strip()


def add_provenance(bento: Path, lineage: dict[str, ModelLineage], tags: dict[str, str]) -> None:
    """Add the model cards, the description of the data and the statement of SLSA to a bento that is built.

    The statement comes last and names every other file, with those that BentoML writes.

    Args:
        bento: its folder.
        lineage: of its models.
        tags: the commit that it is built from, as `commit_tags` returns it.
    """
    folder = bento / PACKED
    folder.mkdir()
    params = load_params()
    for name, card in CARDS.items():
        (folder / f"{name}.md").write_text(card(lineage[name], params), encoding="utf-8")
    here = read_json(paths.LINEAGE).get("classifier") if paths.LINEAGE.exists() else None
    described = paths.PROVENANCE / CROISSANT
    if described.exists() and here and here["model"] == lineage["classifier"]["model"]:
        for file in (described, paths.PROVENANCE / IMAGES):
            shutil.copy(file, folder)
    else:
        log.info("%s describes other images than those of the packed classifier: left out", described)
    files = hash_files(bento, files_below(bento))
    commit = "" if tags.get("changed_since_commit") == "true" else tags.get("mlflow.source.git.commit", "")
    write_statement(folder, make_statement(lineage, files, ["."], commit))


def add_model(name: str, number: str | None, context: Path) -> ModelLineage:
    """Copy a model into the build context; return its lineage.

    Raises:
        UserError: its files or its lineage are missing, or have another hash than the version or the lineage.
    """
    folder = paths.MODELS / name
    here = read_json(paths.LINEAGE).get(name) if paths.LINEAGE.exists() else None
    version = select_version(name, number)
    if version is None or (here and here["model"] == version.model):
        if here is None or not folder.exists():
            raise UserError(
                f"{folder} or its lineage in {paths.LINEAGE} is missing.",
                "Run `make run`, or `dvc pull models`.",
            )
        log.info("%s %s, from models/", name, here["model"][:12])
        shutil.copytree(folder, context / folder)
        require_content(name, context / folder, here["model"], str(folder), "Run `dvc checkout models`.")
        return here
    log.info("%s %s, version %s of the registry", name, version.model[:12], version.number)
    with downloaded(version) as files:
        shutil.copytree(files, context / folder)
    where, fix = f"{name} version {version.number}", "Train it again, or package another version."
    require_content(name, context / folder, version.model, where, fix)
    lineage = read_lineage(version)
    if lineage["model"] != version.model:
        raise UserError(
            f"The lineage of {where} describes the model {lineage['model'][:12]}, not {version.model[:12]}.",
            fix,
        )
    return lineage


def require_content(name: str, folder: Path, wanted: str, where: str, fix: str) -> None:
    """Check that a folder holds the model with this hash, because files can change where they are kept.

    Raises:
        UserError: a file is missing, or the hash is another one; it names `where` the files are from.
    """
    try:
        found = MODELS[name](folder)
    except OSError as error:
        file = Path(error.filename or folder).name
        raise UserError(f"The files of {where} are incomplete: {file} cannot be read.", fix) from None
    if found != wanted:
        raise UserError(
            f"The files of {where} are not the model {wanted[:12]}: their hash is {found[:12]}.", fix
        )


def select_version(name: str, number: str | None) -> Version | None:
    """Return the version to package, or None for the model in `models/`."""
    if number == FOLDER:
        return None
    if number:
        return by_number(name, number)
    champion = by_alias(name, CHAMPION)
    if champion is None:
        log.info("no %s is champion yet (`make promote` sets one): packaging the one in models/", name)
    return champion


def add_backbone(lineage: ModelLineage, context: Path) -> None:
    """Copy a classifier's backbone into the build context, unless the classifier contains its own."""
    wanted = lineage["backbone"]["ir_sha256"]
    own = context / paths.CLASSIFIER / "backbone.bin"
    if own.exists():
        if hashlib.sha256(own.read_bytes()).hexdigest() != wanted:
            raise UserError(
                f"The classifier {lineage['model'][:12]} comes with another backbone than {wanted[:12]}.",
                "Train it again, or package another version.",
            )
        return
    weights = paths.BACKBONE / "backbone.bin"
    if not weights.exists() or hashlib.sha256(weights.read_bytes()).hexdigest() != wanted:
        raise UserError(
            f"{paths.BACKBONE} is not the backbone {wanted[:12]} of the classifier {lineage['model'][:12]}.",
            "Check out that classifier's commit and run `dvc checkout models/backbone`.",
        )
    shutil.copytree(paths.BACKBONE, context / paths.BACKBONE)


def add_thumbnails(context: Path) -> None:
    """Copy thumbnails of the packaged classifier's training images into the build context."""
    with (context / paths.CLASSIFIER / "gallery.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    thumbnails = existing_thumbnails(paths.NEIGHBOURS, rows, load_params().page)
    (context / paths.NEIGHBOURS).mkdir(parents=True)
    for file in thumbnails.values():
        shutil.copy(file, context / paths.NEIGHBOURS)
    log.info("thumbnails of %d of %d training images", len(thumbnails), len(rows))


def add_names(lineage: ModelLineage, context: Path) -> None:
    """Copy a generator's list of names into the build context; the service checks novelty against it."""
    wanted = lineage["stages"]["clean_names"]["outputs"][str(paths.CLEAN_NAMES)]
    for file in (paths.CLEAN_NAMES, CACHE / wanted[:2] / wanted[2:]):
        if file.exists() and hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() == wanted:
            shutil.copy(file, context / paths.CLEAN_NAMES)
            return
    raise UserError(
        f"The training names of the generator {lineage['model'][:12]} are not in DVC's cache.",
        "Check out that generator's commit and run `dvc pull`.",
    )
