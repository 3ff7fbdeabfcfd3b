"""BentoML service: image classifier, name generator, quotes, and the page that uses them."""

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
from herodex.inference.predict import explain, load_classifier, to_prediction
from herodex.params import UNKNOWN, load_params
from herodex.serving import endpoints, metrics
from herodex.serving.bentoml_internals import (
    add_middleware,
    bound_connections,
    end_with_supervisor,
    leave_out_time_limit,
    supervise_workers,
    with_clean_docstring,
)
from herodex.serving.client_error import ClientError
from herodex.serving.decoder import decode_limits
from herodex.serving.drift import OodDrift
from herodex.serving.guard import Guard
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
from herodex.serving.metrics_port import metrics_port
from herodex.serving.models import CLASSIFIER, GENERATOR, present_models, refuse
from herodex.serving.observer import Observer
from herodex.serving.rate_limit import RateLimit
from herodex.serving.security_headers import SecurityHeaders
from herodex.serving.site import create_site
from herodex.serving.time_limit import TimeLimit
from herodex.thumbnails import existing_thumbnails

ROOT = Path(__file__).parent
PARAMS = load_params(ROOT / paths.PARAMS)
write_json_logs()
METRICS_PORT = metrics_port(PARAMS.serve.metrics_port)
supervise_workers(METRICS_PORT)
bound_connections(PARAMS.serve.upload_timeout_s)
leave_out_time_limit()
end_with_supervisor()
REQUEST_S = 60
"""Longest time until a response begins."""
SITE = create_site(PARAMS, ROOT, with_metrics=METRICS_PORT is None)


# BentoML's own access log contains client addresses, and its metrics have a label for every requested path.
@bentoml.service(
    name="herodex",
    workers=PARAMS.serve.workers,
    threads=2,
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
@bentoml.asgi_app(SITE)
class Herodex:
    """Classify images, invent names and score names."""

    def __init__(self) -> None:
        present = present_models(ROOT)
        SITE.state.models = present
        self.classifier = self.generator = None
        # The first inference allocates memory; running it here keeps the first response fast.
        if CLASSIFIER in present:
            self.classifier = load_classifier(ROOT / paths.MODELS, PARAMS.backbone.precision)
            self.drift = OodDrift(ROOT)
            sources = self.classifier.sources
            SITE.state.thumbnails = existing_thumbnails(ROOT / paths.NEIGHBOURS, sources, PARAMS.page)
            self.classifier.probabilities([np.zeros((64, 64, 3), np.uint8)])
        SITE.state.classes = list(self.classifier.classes) if self.classifier else []
        if GENERATOR in present:
            self.generator = load_generator(ROOT / paths.MODELS, ROOT / paths.CLEAN_NAMES)
            with contextlib.suppress(UserError):
                sample_names(self.generator, MAX_NAMES, SamplingOptions(1.0), 0)

    @bentoml.api(route=endpoints.CLASSIFY, input_spec=ImageForm)
    @with_clean_docstring
    def classify(self, image: Image.Image, ctx: bentoml.Context) -> ClassifyAnswer:
        """Classify an image as one of the classes or as none of these.

        With `?explain=true` the response also has `nearest`, the most similar training images with their
        authors and licences, and `heat_map`, the evidence for the class in each part of the image.
        """
        if self.classifier is None:
            # BentoML sends a response unchanged, but takes the annotation for its OpenAPI document.
            refusal = refuse(CLASSIFIER, endpoints.CLASSIFY)
            # BentoML takes the status of a method with a context from there.
            ctx.response.status_code = refusal.status_code
            return refusal  # pyright: ignore[reportReturnType]
        pixels = to_rgb(image, self.classifier.max_side)
        rows, columns = content(pixels)
        trimmed = pixels[rows, columns]
        explained = ctx.request.query_params.get("explain", "false").lower() == "true"
        with metrics.timed_inference("classifier", 1):
            outputs = self.classifier.run([trimmed], keep_maps=explained)
        prediction = to_prediction(self.classifier, outputs)
        metrics.IMAGES.labels("known" if prediction.known else "unknown").inc()
        self.drift.observe(float(outputs.ood_scores[0]))
        reasons = None
        if explained:
            reasons = explain(self.classifier, outputs, trimmed, thumbnails=SITE.state.thumbnails)
        height, width = pixels.shape[:2]
        box = (columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)
        return ClassifyAnswer.of(prediction, reasons, box)

    @bentoml.api(route=endpoints.NAMES)
    @with_clean_docstring
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
        """Invent names, each with the nearest real name and a score.

        The same seed returns the same names. `top_k` (0: off) and `top_p` (1: off) restrict sampling to the
        most likely characters. `novel` excludes real names and near duplicates of them.
        """
        if self.generator is None:
            return refuse(GENERATOR, endpoints.NAMES)  # pyright: ignore[reportReturnType]
        seed = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
        wish = SamplingOptions(
            temperature, top_k, top_p, normalise_prefix(prefix), min_length, max_length, novel
        )
        try:
            with metrics.timed_inference("generator", count):
                sampled = sample_names(self.generator, count, wish, seed)
        except UserError as error:
            metrics.REFUSALS.labels(endpoints.NAMES, "unsatisfiable").inc()
            refusal = ClientError(422, "unsatisfiable", error.problem, error.hint)
            return refusal.response()  # pyright: ignore[reportReturnType]
        names = [InventedName.model_validate(name, from_attributes=True) for name in sampled]
        return NamesAnswer(names=names, seed=seed)

    @bentoml.api(route=endpoints.SCORE)
    @with_clean_docstring
    def score(self, names: ScoredTexts) -> ScoreAnswer:
        """Score given names: cross-entropy under the model, and the nearest real name."""
        if self.generator is None:
            return refuse(GENERATOR, endpoints.SCORE)  # pyright: ignore[reportReturnType]
        scored = score_names(self.generator, names)
        return ScoreAnswer(
            names=[ScoredNameMessage.model_validate(name, from_attributes=True) for name in scored]
        )


# The first middleware is the outermost.
add_middleware(Herodex, Observer)
add_middleware(Herodex, SecurityHeaders, embed_origins=PARAMS.serve.embed_origins)
add_middleware(Herodex, TimeLimit, seconds=REQUEST_S)
if PARAMS.serve.cors_origins:
    add_middleware(
        Herodex,
        CORSMiddleware,
        # Browsers send origins in lower case.
        allow_origins=[origin.lower() for origin in PARAMS.serve.cors_origins],
        allow_methods=["GET", "POST"],
        allow_headers=["content-type"],
    )
add_middleware(
    Herodex,
    RateLimit,
    per_minute=PARAMS.serve.requests_per_minute,
    burst=PARAMS.serve.burst,
    client_header=PARAMS.serve.client_header,
    storage=PARAMS.serve.limit_storage,
)
if PARAMS.serve.feedback.enabled:
    add_middleware(
        Herodex,
        RateLimit,
        per_minute=PARAMS.serve.feedback.per_hour / 60,
        burst=PARAMS.serve.feedback.per_hour,
        client_header=PARAMS.serve.client_header,
        storage=PARAMS.serve.limit_storage,
        path=endpoints.FEEDBACK,
    )
add_middleware(
    Herodex,
    Guard,
    max_upload=int(PARAMS.serve.max_upload_mb * 2**20),
    limits=lambda: decode_limits(PARAMS, ROOT / paths.CLASSIFIER),
    upload_timeout_s=PARAMS.serve.upload_timeout_s,
    max_queue=PARAMS.serve.max_queue,
    answers=(lambda: [*SITE.state.classes, UNKNOWN]) if PARAMS.serve.feedback.enabled else None,
)
