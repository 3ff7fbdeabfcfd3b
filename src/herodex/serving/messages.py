"""What the API takes and gives, as it stands in `/docs.json`."""

import unicodedata
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
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


def one_line(text: str) -> str:
    """Refuse control characters, which no name has; raises ValueError."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("should have no control characters")
    return text


def some_text(text: str) -> str:
    """Refuse a text of blanks; raises ValueError."""
    if not text.strip():
        raise ValueError("should have a character that is no blank")
    return text


def above_zero(number: float) -> float:
    """Refuse 0, which OpenAPI 3.0 cannot say by a bound; raises ValueError."""
    if number <= 0:
        raise ValueError("should be greater than 0")
    return number


Count = Annotated[int, Field(strict=True, ge=1, le=MAX_NAMES)]
Temperature = Annotated[
    float, Field(strict=True, ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE, allow_inf_nan=False)
]
Seed = Annotated[int | None, Field(strict=True, ge=0, le=MAX_SEED)]
TopK = Annotated[int, Field(strict=True, ge=0, le=MAX_TOP_K)]
TopP = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False), AfterValidator(above_zero)]
Prefix = Annotated[str, Field(strict=True, max_length=MAX_PREFIX), AfterValidator(one_line)]
Length = Annotated[int, Field(strict=True, ge=1, le=MAX_LENGTH)]
Novel = Annotated[bool, Field(strict=True)]
ScoredText = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=MAX_SCORED_LENGTH),
    AfterValidator(one_line),
    AfterValidator(some_text),
]
ScoredTexts = Annotated[list[ScoredText], Field(strict=True, min_length=1, max_length=MAX_SCORED)]


class HeatMapMessage(BaseModel):
    """Where the evidence for `label` lies: `grid` in rows from the top, 0 to 1, over a part of the image.

    `box` says which: left, top, right and bottom as shares of the upright image.
    """

    label: str
    grid: list[list[float]]
    box: tuple[float, float, float, float]


class ClassifyAnswer(BaseModel):
    """The likeliest class, and whether to believe it; `probabilities` and `unknown` sum to 1.

    `nearest` and `heat_map` are there for those who ask why.
    """

    label: str
    known: bool
    probabilities: dict[str, float]
    unknown: float
    model: str
    nearest: list[Neighbour] | None = None
    heat_map: HeatMapMessage | None = None

    @model_serializer(mode="wrap")
    def leave_out_what_was_not_asked_for(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write no nulls, over which BentoML's client would stumble."""
        return {name: value for name, value in handler(self).items() if value is not None}

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        reasons: Explanation | None,
        box: tuple[float, float, float, float],
    ) -> "ClassifyAnswer":
        """Word a prediction, and its reasons if asked for; `box` is what of the image was looked at."""
        if reasons is None:
            return cls.model_validate(asdict(prediction))
        heat_map = {**asdict(reasons.heat_map), "box": box}
        return cls.model_validate({**asdict(prediction), "nearest": reasons.nearest, "heat_map": heat_map})


class NamesRequest(BaseModel):
    """How many names, how daring, and what they shall be like; the same seed gives the same names.

    `top_k` (0: off) and `top_p` (1: off) keep to the likeliest characters; `novel` leaves out real names and
    what is one edit away from one.
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
    def leaves_a_length(self) -> "NamesRequest":
        """Refuse lengths that no name can have; raises ValueError."""
        if self.min_length > self.max_length:
            raise ValueError(f"'min_length' ({self.min_length}) is above 'max_length' ({self.max_length})")
        if len(self.prefix) > self.max_length:
            raise ValueError(
                f"'prefix' has {len(self.prefix)} characters, more than 'max_length' ({self.max_length})"
            )
        return self


class InventedName(BaseModel):
    """A name, whether it is new, the nearest name of the list, `distance` letters apart, and its score.

    `nats` is what the name costs the model for each character, its end included: less is likelier.
    """

    name: str
    novel: bool
    nearest: str
    distance: int
    nats: float


class NamesAnswer(BaseModel):
    """The names, and the seed that gives them again."""

    names: list[InventedName]
    seed: int


class ScoreRequest(BaseModel):
    """Names to score."""

    model_config = ConfigDict(extra="forbid")

    names: ScoredTexts


class ScoredNameMessage(BaseModel):
    """A name with its score and the nearest name of the list.

    `nats` is null where the name has characters that the model does not know; these stand in `unknown`.
    """

    name: str
    nats: float | None
    unknown: list[str]
    nearest: str
    distance: int
    real: bool


class ScoreAnswer(BaseModel):
    """The names in the order of the request."""

    names: list[ScoredNameMessage]


class QuoteMessage(BaseModel):
    """A quote; its text is plain text."""

    id: str
    text: str
    author: str
    source: Literal["upstream", "cache", "bundled"]


class Example(BaseModel):
    """A drawing to try: its address, relative to the page, and whom it shows."""

    address: str
    subject: str


class AboutAnswer(BaseModel):
    """What the page needs to know to word itself and to check what is typed in."""

    thing: str
    name: str
    classes: list[str]
    examples: list[Example]
    max_upload_mb: float
    max_pixels_mp: float
    max_names: int = MAX_NAMES
    min_temperature: float = MIN_TEMPERATURE
    max_temperature: float = MAX_TEMPERATURE
    max_prefix: int = MAX_PREFIX
    quote_hosts: list[str]
