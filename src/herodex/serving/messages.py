"""What the API takes and gives, as it stands in `/docs.json`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_NAMES = 15
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.5, 5.0
MAX_SEED = 2**32 - 1


Count = Annotated[int, Field(strict=True, ge=1, le=MAX_NAMES)]
Temperature = Annotated[float, Field(strict=True, ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
Seed = Annotated[int | None, Field(strict=True, ge=0, le=MAX_SEED)]


class ClassifyAnswer(BaseModel):
    """The likeliest class, and whether to believe it; `probabilities` and `unknown` sum to 1."""

    label: str
    known: bool
    probabilities: dict[str, float]
    unknown: float
    model: str


class NamesRequest(BaseModel):
    """How many names, and how daring; the same seed gives the same names."""

    model_config = ConfigDict(extra="forbid")

    count: Count
    temperature: Temperature
    seed: Seed = None


class InventedName(BaseModel):
    """A name, whether it is new, and the nearest name of the list: `distance` letters apart."""

    name: str
    novel: bool
    nearest: str
    distance: int


class NamesAnswer(BaseModel):
    """The names, and the seed that gives them again."""

    names: list[InventedName]
    seed: int


class QuoteMessage(BaseModel):
    """A quote; its text is plain text."""

    id: str
    text: str
    author: str
    source: Literal["upstream", "cache", "bundled"]


class AboutAnswer(BaseModel):
    """What the page needs to know to word itself and to check what is typed in."""

    thing: str
    name: str
    classes: list[str]
    max_upload_mb: float
    max_names: int = MAX_NAMES
    min_temperature: float = MIN_TEMPERATURE
    max_temperature: float = MAX_TEMPERATURE
    quote_hosts: list[str]
