"""The form in which `/api/classify` takes an image, for BentoML to describe and to read."""

from typing import Annotated

import bentoml
from PIL import Image
from pydantic import Field
from starlette.requests import Request


class ImageForm(bentoml.IODescriptor):
    """A form with the image's file as its one part."""

    image: Annotated[Image.Image, Field(description="the file of a JPEG, PNG or WebP image")]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> "ImageForm":
        """Take the image that the guard has read from the form.

        BentoML's own reader would fetch a string in the field as an address, and put large files on disk.
        """
        return cls.model_construct(image=request.state.image)
