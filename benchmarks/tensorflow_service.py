"""The service with its backbone run by TensorFlow, to compare with; the weights do not matter."""

from pathlib import Path

import bentoml
import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from herodex import paths
from herodex.generator.sample import load_generator
from herodex.inference.image_decoding import normalise
from herodex.params import load_params
from herodex.serving import endpoints
from herodex.serving.guard import Guard
from herodex.serving.headers import SecurityHeaders
from herodex.serving.image_form import ImageForm
from herodex.serving.observer import Observer
from herodex.serving.site import create_site

ROOT = Path(__file__).parent
PARAMS = load_params(ROOT / paths.PARAMS)
SIDE = PARAMS.classifier.embed.input_size


@bentoml.service(
    name="herodex",
    workers=PARAMS.serve.workers,
    threads=2,
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
@bentoml.asgi_app(create_site(PARAMS, ROOT))
class Herodex:
    """Classifies with TensorFlow."""

    def __init__(self) -> None:
        self.backbone = keras.applications.ResNet50(include_top=False, weights=None, pooling="max")
        self.compiled = tf.function(self.backbone, jit_compile=False)
        self.generator = load_generator(ROOT / paths.MODELS, ROOT / paths.CLEAN_NAMES)
        self.classify(Image.new("RGB", (64, 64)))

    @bentoml.api(route=endpoints.CLASSIFY, input_spec=ImageForm)
    def classify(self, image: Image.Image) -> list[float]:
        """Give some of an image's features."""
        pixels = Image.fromarray(normalise(image, 512)).resize((SIDE, SIDE))
        return self.compiled(np.asarray(pixels, np.float32)[None]).numpy()[0, :5].tolist()


Herodex.add_asgi_middleware(Observer)  # pyright: ignore[reportArgumentType]
Herodex.add_asgi_middleware(SecurityHeaders)  # pyright: ignore[reportArgumentType]
Herodex.add_asgi_middleware(
    Guard,  # pyright: ignore[reportArgumentType]
    max_upload=10 * 2**20,
    max_pixels=25_000_000,
    upload_timeout_s=20,
    max_queue=32,
)
