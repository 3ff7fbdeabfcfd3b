"""Input of `/api/classify`: a form with one image file."""

from typing import Annotated

import bentoml
from PIL import Image
from pydantic import Field
from starlette.requests import Request


class ImageForm(bentoml.IODescriptor):
    """Form with one file part, the image."""

    image: Annotated[Image.Image, Field(description="JPEG, PNG or WebP file")]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> "ImageForm":
        """Take the image that the guard has already decoded.

        BentoML's own reader would fetch a string in the field as a URL and write large files to disk.
        """
        return cls.model_construct(image=request.state.image)
