"""The service: a classifier, a generator of names and quotes behind one API, and the page that uses it."""

import contextlib
import secrets
from pathlib import Path

import bentoml
import numpy as np
from PIL import Image
from starlette.middleware.cors import CORSMiddleware

from herodex import paths
from herodex.errors import UserError
from herodex.generator.sample import SamplingOptions, load_generator, sample_names
from herodex.generator.score import score_names
from herodex.generator.spelling import normalise_prefix
from herodex.inference.image_decoding import content, to_rgb
from herodex.inference.predict import answer, explain, load_classifier
from herodex.params import load_params
from herodex.serving import endpoints, metrics
from herodex.serving.client_error import ClientError
from herodex.serving.guard import Guard
from herodex.serving.headers import SecurityHeaders
from herodex.serving.image_form import ImageForm
from herodex.serving.json_logs import write_json_logs
from herodex.serving.messages import (
    MAX_LENGTH,
    MAX_NAMES,
    MAX_SEED,
    ClassifyAnswer,
    Count,
    InventedName,
    Length,
    NamesAnswer,
    Novel,
    Prefix,
    ScoreAnswer,
    ScoredNameMessage,
    ScoredTexts,
    Seed,
    Temperature,
    TopK,
    TopP,
)
from herodex.serving.observer import Observer
from herodex.serving.rate_limit import RateLimit
from herodex.serving.site import create_site
from herodex.serving.watch import watch_closely

ROOT = Path(__file__).parent
PARAMS = load_params(ROOT / paths.PARAMS)
write_json_logs()
watch_closely()
SITE = create_site(PARAMS, ROOT)


# BentoML's own access log names the clients, and its metrics have a label for every address asked for.
@bentoml.service(
    name="herodex",
    workers=PARAMS.serve.workers,
    threads=2,
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
@bentoml.asgi_app(SITE)
class Herodex:
    """Says what an image shows, and invents names."""

    def __init__(self) -> None:
        self.classifier = load_classifier(ROOT / paths.MODELS, PARAMS.backbone.precision)
        self.generator = load_generator(ROOT / paths.MODELS, ROOT / paths.CLEAN_NAMES)
        SITE.state.classes = list(self.classifier.classes)
        # The first inference prepares memory; no visitor should wait for that.
        self.classifier.probabilities([np.zeros((64, 64, 3), np.uint8)])
        with contextlib.suppress(UserError):
            sample_names(self.generator, MAX_NAMES, SamplingOptions(1.0), 0)

    @bentoml.api(route=endpoints.CLASSIFY, input_spec=ImageForm)
    def classify(self, image: Image.Image, ctx: bentoml.Context) -> ClassifyAnswer:
        """Say which class an image shows, or that it is likely none of them.

        With `?explain=true` also why: the images learnt from that are nearest, and where the evidence lies.
        """
        pixels = to_rgb(image, self.classifier.max_side)
        rows, columns = content(pixels)
        trimmed = pixels[rows, columns]
        asked = ctx.request.query_params.get("explain", "false").lower() == "true"
        with metrics.measured("classifier", 1):
            look = self.classifier.look([trimmed], explained=asked)
        prediction = answer(self.classifier, look)
        metrics.IMAGES.labels("known" if prediction.known else "unknown").inc()
        reasons = explain(self.classifier, look, trimmed) if asked else None
        height, width = pixels.shape[:2]
        box = (columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)
        return ClassifyAnswer.of(prediction, reasons, box)

    @bentoml.api(route=endpoints.NAMES)
    def names(
        self,
        count: Count,
        temperature: Temperature,
        seed: Seed = None,
        top_k: TopK = 0,
        top_p: TopP = 1.0,
        prefix: Prefix = "",
        min_length: Length = 1,
        max_length: Length = MAX_LENGTH,
        novel: Novel = True,
    ) -> NamesAnswer:
        """Invent names, and say of each which name of the list is nearest, and how likely the model finds it.

        The same seed gives the same names. `top_k` (0: off) and `top_p` (1: off) keep to the likeliest
        characters; `novel` leaves out real names and what is one edit away from one.
        """
        seed = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
        wish = SamplingOptions(
            temperature, top_k, top_p, normalise_prefix(prefix), min_length, max_length, novel
        )
        try:
            with metrics.measured("generator", count):
                sampled = sample_names(self.generator, count, wish, seed)
        except UserError as error:
            metrics.REFUSALS.labels(endpoints.NAMES, "wish").inc()
            # BentoML hands on a response as it is.
            return ClientError(422, "wish", error.problem, error.hint).response()  # pyright: ignore[reportReturnType]
        names = [InventedName.model_validate(name, from_attributes=True) for name in sampled]
        return NamesAnswer(names=names, seed=seed)

    @bentoml.api(route=endpoints.SCORE)
    def score(self, names: ScoredTexts) -> ScoreAnswer:
        """Say of given names how likely the model finds them, and which name of the list is nearest."""
        scored = score_names(self.generator, names)
        return ScoreAnswer(
            names=[ScoredNameMessage.model_validate(name, from_attributes=True) for name in scored]
        )


# The first stands outermost. BentoML's annotation describes an instance where it takes the class.
Herodex.add_asgi_middleware(Observer)  # pyright: ignore[reportArgumentType]
Herodex.add_asgi_middleware(SecurityHeaders)  # pyright: ignore[reportArgumentType]
if PARAMS.serve.cors_origins:
    Herodex.add_asgi_middleware(
        CORSMiddleware,  # pyright: ignore[reportArgumentType]
        allow_origins=PARAMS.serve.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["content-type"],
    )
Herodex.add_asgi_middleware(
    RateLimit,  # pyright: ignore[reportArgumentType]
    per_minute=PARAMS.serve.requests_per_minute,
    burst=PARAMS.serve.burst,
    client_header=PARAMS.serve.client_header,
)
Herodex.add_asgi_middleware(
    Guard,  # pyright: ignore[reportArgumentType]
    max_upload=int(PARAMS.serve.max_upload_mb * 2**20),
    max_pixels=int(PARAMS.serve.max_pixels_mp * 1_000_000),
    upload_timeout_s=PARAMS.serve.upload_timeout_s,
    max_queue=PARAMS.serve.max_queue,
)
