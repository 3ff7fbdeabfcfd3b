"""The service as three: a front that reads requests, and two models behind it, each in its own process."""

from pathlib import Path

import bentoml
import numpy as np
from PIL import Image

from herodex import paths
from herodex.generator.sample import SamplingOptions, load_generator, sample_names
from herodex.inference.image_decoding import normalise
from herodex.inference.predict import load_classifier
from herodex.params import load_params
from herodex.serving import endpoints
from herodex.serving.guard import Guard
from herodex.serving.headers import SecurityHeaders
from herodex.serving.image_form import ImageForm
from herodex.serving.observer import Observer
from herodex.serving.site import create_site
from herodex.serving.watch import watch_closely

ROOT = Path(__file__).parent
PARAMS = load_params(ROOT / paths.PARAMS)
QUIET = {"access": {"enabled": False}}
watch_closely()


@bentoml.service(name="classifier", threads=2, logging=QUIET)
class Classifier:
    """Classifies."""

    def __init__(self) -> None:
        self.model = load_classifier(ROOT / paths.MODELS, PARAMS.backbone.precision)
        self.model.probabilities([np.zeros((64, 64, 3), np.uint8)])

    @bentoml.api
    def classify(self, pixels: np.ndarray) -> list[float]:
        """Give the probabilities of a uint8 RGB image [h, w, 3]."""
        return self.model.probabilities([pixels])[0].tolist()


@bentoml.service(name="generator", threads=2, logging=QUIET)
class Generator:
    """Invents names."""

    def __init__(self) -> None:
        self.model = load_generator(ROOT / paths.MODELS, ROOT / paths.CLEAN_NAMES)

    @bentoml.api
    def names(self, count: int, temperature: float, seed: int) -> list[str]:
        """Give names."""
        return [entry.name for entry in sample_names(self.model, count, SamplingOptions(temperature), seed)]


@bentoml.service(name="herodex", threads=8, logging=QUIET, metrics={"enabled": False})
@bentoml.asgi_app(create_site(PARAMS, ROOT))
class Herodex:
    """Reads requests and hands them on."""

    classifier = bentoml.depends(Classifier)
    generator = bentoml.depends(Generator)

    @bentoml.api(route=endpoints.CLASSIFY, input_spec=ImageForm)
    def classify(self, image: Image.Image) -> list[float]:
        """Say what an image shows."""
        return self.classifier.classify(normalise(image, 512))

    @bentoml.api(route=endpoints.NAMES)
    def names(self, count: int, temperature: float, seed: int = 0) -> list[str]:
        """Invent names."""
        return self.generator.names(count=count, temperature=temperature, seed=seed)


Herodex.add_asgi_middleware(Observer)  # pyright: ignore[reportArgumentType]
Herodex.add_asgi_middleware(SecurityHeaders)  # pyright: ignore[reportArgumentType]
Herodex.add_asgi_middleware(
    Guard,  # pyright: ignore[reportArgumentType]
    max_upload=10 * 2**20,
    max_pixels=25_000_000,
    upload_timeout_s=20,
    max_queue=32,
)
