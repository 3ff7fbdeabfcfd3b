"""The two models that a service may have, and the files that each one needs."""

from pathlib import Path

from starlette.responses import JSONResponse

from herodex import paths
from herodex.errors import UserError
from herodex.serving import metrics
from herodex.serving.client_error import ClientError

CLASSIFIER, GENERATOR = "classifier", "generator"

NEEDED = {
    CLASSIFIER: (paths.BACKBONE / "backbone.xml", paths.CLASSIFIER / "classifier.json"),
    GENERATOR: (paths.GENERATOR / "generator.json", paths.CLEAN_NAMES),
}
"""Files of each model, relative to the project."""


def present_models(root: Path = Path()) -> list[str]:
    """List the models that a project has.

    Raises:
        UserError: it has none, or one of them lacks a file.
    """
    present = [name for name in NEEDED if (root / paths.MODELS / name).exists()]
    missing = [str(path) for name in present or NEEDED for path in NEEDED[name] if not (root / path).exists()]
    if missing:
        raise UserError(f"There is no model to serve: {', '.join(missing)} missing.", "Run `make run` first.")
    return present


def refuse(name: str, route: str) -> JSONResponse:
    """Answer a request for a model that the service does not have."""
    metrics.REFUSALS.labels(route, "address").inc()
    command = f"Run `make run PART={name}` on the server, and start it again."
    return ClientError(404, "address", f"This service has no {name}.", command).response()
