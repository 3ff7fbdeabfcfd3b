"""The format of `classifier.json`: what a classifier is, apart from its matrices."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from herodex.errors import UserError
from herodex.params import EmbedParams

FORMAT = 2
"""Raised with each change that older code cannot read."""


class Part(BaseModel):
    """A part of the record; fields that it does not name are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OodRecord(Part):
    """The OOD detector, and how many neighbours its similarities are averaged over."""

    weights: Annotated[list[float], Field(min_length=4, max_length=4)]
    bias: float
    far_weight: float
    far_bias: float
    neighbours: Annotated[int, Field(ge=1)]


class SetRecord(Part):
    """The confidence set: the least probability of an answer in it, and the coverage that it promises."""

    least: Annotated[float, Field(ge=0, le=1)]
    coverage: Annotated[float, Field(gt=0, lt=1)]


class ClassifierRecord(Part):
    """The contents of `classifier.json`."""

    format: int
    classes: Annotated[list[str], Field(min_length=2)]
    labels: Annotated[list[str], Field(min_length=2)]
    temperature: Annotated[float, Field(gt=0)]
    ood: OodRecord
    set: SetRecord
    recipe: str
    l2: float
    backbone: dict[str, Any]
    embed: EmbedParams
    max_side: Annotated[int, Field(ge=1)]


def read_record(file: Path) -> ClassifierRecord:
    """Read and check `classifier.json`.

    Raises:
        UserError: it has another format, or is damaged.
    """
    try:
        contents: Any = json.loads(file.read_text(encoding="utf-8"))
        found = contents.get("format", 1)
        if found != FORMAT:
            raise UserError(
                f"{file} has format {found}; this version of Herodex reads format {FORMAT}.",
                "Serve it with the version that made it, or make a new model: `make run`.",
            )
        return ClassifierRecord.model_validate(contents)
    except (ValueError, AttributeError) as error:
        # The text of a validation error fills several lines; the field is enough.
        place = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else ""
        reason = f"{place}: {error.errors()[0]['msg']}" if isinstance(error, ValidationError) else error
        raise UserError(f"{file} is damaged: {reason}.", "Run `dvc checkout models/classifier`.") from None


def require_backbone(weights: Path, record: ClassifierRecord) -> None:
    """Check that the backbone is the one that the classifier was trained with.

    Raises:
        UserError: it is another one.
    """
    expected, found = record.backbone.get("ir_sha256"), hashlib.sha256(weights.read_bytes()).hexdigest()
    if expected != found:
        raise UserError(
            f"{weights} is not the backbone that the classifier was trained with: "
            f"its sha256 starts with {found[:12]}, not {str(expected)[:12]}.",
            "Restore both with `dvc checkout models`, or make a new model: `make run`.",
        )
