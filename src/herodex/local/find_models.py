"""Find the models of a project, of a folder, or of a bento."""

from pathlib import Path
from typing import Any, NamedTuple

from herodex import paths
from herodex.errors import UserError


class ModelPlace(NamedTuple):
    """Where models are: their folder, the settings and the real names."""

    models: Path
    params: Path
    names: Path


def find_models(models: Path | None = None, bento: str | None = None) -> ModelPlace:
    """Find the models to use.

    Args:
        models: a folder that holds `classifier` and `backbone`, or `generator`; settings and real names are
            those of its project, the parent folder.
        bento: a bento's tag, such as `herodex:latest`, or its folder.

    Returns:
        The given models; else those of the project that the working directory is in.

    Raises:
        UserError: there is no such folder or bento, or it holds no model.
    """
    if models is not None and bento is not None:
        raise UserError("Both a folder of models and a bento are given.", "Give one of them.")
    if models is None:
        root = current_project() if bento is None else bento_files(bento)
        models = root / paths.MODELS
    else:
        # The parent of `.` is `.` too.
        root = models.resolve().parent
    if not any((models / name).is_dir() for name in ("classifier", "generator")):
        raise UserError(
            f"There are no models in {models} yet.",
            "Run `make run` in the project, or name a folder that holds classifier or generator: "
            "--models FOLDER.",
        )
    return ModelPlace(models, root / paths.PARAMS, root / paths.CLEAN_NAMES)


def current_project() -> Path:
    """Return the nearest folder with `params.yaml`, upwards from the working directory."""
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if (folder / paths.PARAMS).exists()), here)
    return Path() if found == here else found


def bento_files(bento: str) -> Path:
    """Return the folder in a bento that is laid out like a project.

    Raises:
        UserError: there is no such bento.
    """
    folder = Path(bento)
    if not folder.is_dir():
        folder = stored_bento(bento)
    return folder / "src" if (folder / "src" / paths.MODELS).is_dir() else folder


def stored_bento(tag: str) -> Path:
    """Return the folder of a bento in BentoML's store."""
    import bentoml
    from bentoml.exceptions import BentoMLException

    try:
        # BentoML exports no type for its bentos.
        found: Any = bentoml.get(tag)
    except (BentoMLException, ValueError) as error:
        raise UserError(f"There is no bento {tag}: {error}.", "`bentoml list` lists the bentos.") from None
    return Path(found.path)
