"""Requests and responses of the API; the docstrings appear in `/docs.json`."""

import unicodedata
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_serializer,
    model_validator,
)

from herodex.inference.explain import Neighbour
from herodex.inference.predict import Explanation, Prediction

MAX_NAMES = 15
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.5, 5.0
MAX_SEED = 2**32 - 1
MAX_TOP_K = 1000
MAX_LENGTH = 100
MAX_PREFIX = 50
MAX_SCORED = 100
MAX_SCORED_LENGTH = 100


def without_control_characters(text: str) -> str:
    """Return a text without control characters; raise ValueError if it has one."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("should have no control characters")
    return text


def not_blank(text: str) -> str:
    """Return a text that is not blank; raise ValueError if it is."""
    if not text.strip():
        raise ValueError("should not be blank")
    return text


def positive(number: float) -> float:
    """Return a positive number; raise ValueError for 0, which the schema's lower bound allows."""
    if number <= 0:
        raise ValueError("should be greater than 0")
    return number


Count = Annotated[int, Field(strict=True, ge=1, le=MAX_NAMES)]
Temperature = Annotated[
    float, Field(strict=True, ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE, allow_inf_nan=False)
]
Seed = Annotated[int | None, Field(strict=True, ge=0, le=MAX_SEED)]
TopK = Annotated[int, Field(strict=True, ge=0, le=MAX_TOP_K)]
TopP = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False), AfterValidator(positive)]
Prefix = Annotated[str, Field(strict=True, max_length=MAX_PREFIX), AfterValidator(without_control_characters)]
Length = Annotated[int, Field(strict=True, ge=1, le=MAX_LENGTH)]
Novel = Annotated[bool, Field(strict=True)]
ScoredText = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=MAX_SCORED_LENGTH),
    AfterValidator(without_control_characters),
    AfterValidator(not_blank),
]
ScoredTexts = Annotated[list[ScoredText], Field(strict=True, min_length=1, max_length=MAX_SCORED)]


class HeatMapMessage(BaseModel):
    """Heat map of the evidence for a class.

    `grid` has rows from the top with values from 0 to 1. It covers the part of the upright image that `box`
    gives as left, top, right and bottom edges, each as a fraction of the width or height.
    """

    label: str
    grid: list[list[float]]
    box: tuple[float, float, float, float]


class ClassifyAnswer(BaseModel):
    """Most likely class of an image.

    `known` is true exactly when the class `label` is at least as likely as `unknown`. `probabilities` and
    `unknown` sum to 1. `set` holds the answers, `unknown` included, among which the true one probably is.
    `looks_like` is the distractor that an image of no class looks like, or empty.
    `nearest` (the most similar training images) and `heat_map` are present with `?explain=true`.
    The `thumbnail` of a training image is an address relative to the page, or empty.
    """

    label: str
    known: bool
    probabilities: dict[str, float]
    unknown: float
    set: list[str]
    looks_like: str
    model: str
    nearest: list[Neighbour] | None = None
    heat_map: HeatMapMessage | None = None

    @model_serializer(mode="wrap")
    def omit_missing_fields(self, handler: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
        """Omit fields that are None, which BentoML's client cannot read."""
        return {name: value for name, value in handler(self).items() if value is not None}

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        reasons: Explanation | None,
        box: tuple[float, float, float, float],
    ) -> "ClassifyAnswer":
        """Create the response from a prediction and its optional explanation of the image part `box`."""
        if reasons is None:
            return cls.model_validate(asdict(prediction))
        heat_map = {**asdict(reasons.heat_map), "box": box}
        return cls.model_validate({**asdict(prediction), "nearest": reasons.nearest, "heat_map": heat_map})


class NamesRequest(BaseModel):
    """Number of names, temperature and constraints; the same seed returns the same names.

    `top_k` (0: off) and `top_p` (1: off) restrict sampling to the most likely characters. `novel` excludes
    real names and names at most one edit per five characters away from one.
    """

    model_config = ConfigDict(extra="forbid")

    count: Count
    temperature: Temperature
    seed: Seed = None
    top_k: TopK = 0
    top_p: TopP = 1.0
    prefix: Prefix = ""
    min_length: Length = 1
    max_length: Length = MAX_LENGTH
    novel: Novel = True

    @model_validator(mode="after")
    def check_lengths(self) -> "NamesRequest":
        """Raise ValueError if no name can have the requested length."""
        if self.min_length > self.max_length:
            raise ValueError(f"'min_length' ({self.min_length}) is above 'max_length' ({self.max_length})")
        if len(self.prefix) > self.max_length:
            raise ValueError(
                f"'prefix' has {len(self.prefix)} characters, more than 'max_length' ({self.max_length})"
            )
        return self


class InventedName(BaseModel):
    """Invented name with the nearest real name and its score.

    `distance` is the edit distance to `nearest`; `novel` is false for a real name. `nats` is the
    cross-entropy in nats per character, end of name included: lower is more likely.
    """

    name: str
    novel: bool
    nearest: str
    distance: int
    nats: float


class NamesAnswer(BaseModel):
    """Invented names and the seed that reproduces them."""

    names: list[InventedName]
    seed: int


class ScoreRequest(BaseModel):
    """Names to score."""

    model_config = ConfigDict(extra="forbid")

    names: ScoredTexts


class ScoredNameMessage(BaseModel):
    """Name with its score and the nearest real name.

    `nats` is the cross-entropy in nats per character: lower is more likely. It is null if the name has
    characters that the model does not know, which `unknown` lists.
    """

    name: str
    nats: float | None
    unknown: list[str]
    nearest: str
    distance: int
    real: bool


class ScoreAnswer(BaseModel):
    """Scored names in the order of the request."""

    names: list[ScoredNameMessage]


class QuoteMessage(BaseModel):
    """Quote as plain text; `source` is the quote API, the cache or the built-in collection."""

    id: str
    text: str
    author: str
    source: Literal["upstream", "cache", "bundled"]


class Example(BaseModel):
    """Example image: its path relative to the page, and its class."""

    address: str
    subject: str


class AboutAnswer(BaseModel):
    """Settings of the page: its words, the models, the classes, and limits of its input fields and requests.

    `display_names` has the texts to show for classes and distractors, by their names in other fields and
    responses; those without a text are shown by their names. `feedback` says whether the service takes
    reports of wrong answers, whose images get `feedback_license`. `embeddable` says whether pages of other
    origins may show the page in a frame.
    """

    models: list[Literal["classifier", "generator"]]
    thing: str
    name: str
    classes: list[str]
    display_names: dict[str, str]
    examples: list[Example]
    max_upload_mb: float
    max_pixels_mp: float
    requests_per_minute: float
    burst: int
    max_names: int = MAX_NAMES
    min_temperature: float = MIN_TEMPERATURE
    max_temperature: float = MAX_TEMPERATURE
    max_prefix: int = MAX_PREFIX
    quote_hosts: list[str]
    feedback: bool = False
    feedback_license: str = ""
    embeddable: bool = False
