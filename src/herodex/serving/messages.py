"""What the API takes and gives, as it stands in `/docs.json`."""

from typing import Annotated, Literal

import bentoml
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

MAX_NAMES = 15
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.5, 5.0
MAX_SEED = 2**32 - 1


class ClassifyRequest(bentoml.IODescriptor):
    """A form with the picture's file as its one part."""

    image: Annotated[Image.Image, Field(description="the file of a JPEG, PNG or WebP picture")]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> "ClassifyRequest":
        """Take the picture that the guard has read from the form.

        BentoML's own reader would fetch a string in the field as an address, and keep large files on disk.
        """
        return cls.model_construct(image=request.state.picture)


class ClassifyAnswer(bentoml.IODescriptor):
    """The likeliest class, and whether to believe it; `probabilities` and `unknown` sum to 1."""

    label: str
    known: bool
    probabilities: dict[str, float]
    unknown: float
    model: str


class NamesRequest(bentoml.IODescriptor):
    """How many names, and how daring; the same seed gives the same names."""

    model_config = ConfigDict(extra="forbid", strict=True)

    count: Annotated[int, Field(ge=1, le=MAX_NAMES)]
    temperature: Annotated[float, Field(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
    seed: Annotated[int | None, Field(ge=0, le=MAX_SEED)] = None


class InventedName(BaseModel):
    """A name, whether it is new, and the nearest name of the list: `distance` letters apart."""

    name: str
    novel: bool
    nearest: str
    distance: int


class NamesAnswer(bentoml.IODescriptor):
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
