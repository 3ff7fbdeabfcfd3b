"""The form in which `/api/classify` takes a picture, for BentoML to describe and to read."""

from typing import Annotated

import bentoml
from PIL import Image
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

ASKED = {"", "1", "true", "yes"}
"""What `?explain=` may say for an answer to be explained."""


class PictureForm(bentoml.IODescriptor):
    """A form with the picture's file as its one part."""

    image: Annotated[Image.Image, Field(description="the file of a JPEG, PNG or WebP picture")]
    explain: SkipJsonSchema[bool] = False
    """Not of the form: it comes with the address."""

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> "PictureForm":
        """Take the picture that the guard has read from the form.

        BentoML's own reader would fetch a string in the field as an address, and put large files on disk.
        """
        explain = request.query_params.get("explain", "false").lower() in ASKED
        return cls.model_construct(image=request.state.picture, explain=explain)
