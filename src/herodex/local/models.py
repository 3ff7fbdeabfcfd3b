"""The classifier and the name generator in this process, with the service's decisions."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from pydantic import Field, ValidationError

from herodex.errors import UserError
from herodex.generator.sample import Generator as NameGenerator
from herodex.generator.sample import SampledName, SamplingOptions, load_generator, sample_names
from herodex.generator.spelling import normalise_prefix
from herodex.inference.image_decoding import ImageError, read_header, to_rgb, trim_bars
from herodex.inference.predict import Classifier, Prediction, load_classifier, to_prediction
from herodex.local.find_models import ModelPlace, find_models
from herodex.local.image_files import UnreadableError, read_image_file, reason, show_path
from herodex.params import Params, load_params
from herodex.serving.decoder import FORMATS, DecodeLimits, Decoders, cpu_limit, decode_limits
from herodex.serving.messages import MAX_LENGTH, NamesRequest

ImageSource = str | os.PathLike[str] | bytes | Image.Image
"""A path, a file's bytes, or a Pillow image."""

THREADS = 2
"""Images in progress at a time, as in the service: one is decoded while the network runs on another."""
AHEAD = 4
"""Answers of each thread that wait for an earlier one."""
MAX_COUNT = 10_000
"""Names of one request; the service's limit is lower because others wait."""
HINTS = {
    "too_large": "Scale the image down.",
    "unsupported": "Convert it to JPEG, PNG or WebP; renaming does not help.",
}
OTHER_HINT = "Open it in an image editor and save it again, or give another image."

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class FileAnswer:
    r"""The answer for a file, or the reason why there is none.

    Attributes:
        file: the path; bytes that are not UTF-8 are written as `\xff`.
        prediction: None if the file cannot be classified.
        error: why not; empty if it can.
    """

    file: str
    prediction: Prediction | None
    error: str = ""


class LocalNamesRequest(NamesRequest):
    """The service's request for names, of more names."""

    count: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)]


class Models:
    """The models of a project or a bento; each is loaded when it is first used.

    Several threads may use one object. Images are decoded in processes of their own, which end with it.

    Example:
        >>> models = herodex.load()
        >>> models.classify("photo.jpg").label
        'batman'
        >>> [each.name for each in models.names(2, seed=1)]
        ['Chatharme', 'Rashosh']
    """

    def __init__(self, place: ModelPlace) -> None:
        self._place = place
        self._lock = threading.RLock()
        self._decoders = Decoders()
        weakref.finalize(self, self._decoders.close)

    @cached_property
    def params(self) -> Params:
        """The settings that the models are used with."""
        return load_params(self._place.params)

    @property
    def classifier(self) -> Classifier:
        """The classifier, with its backbone.

        Raises:
            UserError: there is none, or it is incomplete.
        """
        with self._lock:
            return self._classifier

    @cached_property
    def _classifier(self) -> Classifier:
        self._require("classifier")
        return load_classifier(self._place.models, self.params.backbone.precision)

    @property
    def generator(self) -> NameGenerator:
        """The name generator, with the real names.

        Raises:
            UserError: there is none, or it is incomplete.
        """
        with self._lock:
            return self._generator

    @cached_property
    def _generator(self) -> NameGenerator:
        self._require("generator")
        return load_generator(self._place.models, self._place.names)

    def _require(self, name: str) -> None:
        if not (self._place.models / name).is_dir():
            raise UserError(
                f"There is no {name} in {self._place.models}.", f"Run `make run PART={name}` in the project."
            )

    def classify(self, image: ImageSource) -> Prediction:
        """Classify an image as one of the classes or as none of them.

        Args:
            image: a path, a file's bytes, or a Pillow image.

        Returns:
            The answer of the service. `label` is the likeliest class, also where `known` is false: then the
            image shows none of the classes.

        Raises:
            UserError: the image cannot be used, or there is no classifier.

        Example:
            >>> answer = herodex.load().classify("photo.jpg")
            >>> answer.label if answer.known else "none of these"
            'batman'
            >>> answer.probabilities["hulk"], answer.unknown
            (5.026147171870051e-13, 0.00019785051997478487)
        """
        named = show_path(image) if isinstance(image, (str, os.PathLike)) else "The image"
        # A missing classifier is reported before a bad image.
        classifier = self.classifier
        try:
            return predict(classifier, self._pixels(image))
        except ImageError as error:
            hint = HINTS.get(error.kind, OTHER_HINT)
            raise UserError(f"{named} cannot be classified: {reason(error)}.", hint) from None
        except UnreadableError as error:
            raise UserError(f"{named} cannot be classified: {error}.", "Check the path.") from None

    def classify_files(
        self, files: Iterable[str | os.PathLike[str]], threads: int = THREADS
    ) -> Generator[FileAnswer]:
        """Classify many files, some at a time; yield the answers in the order of the files.

        A file that cannot be classified has an error instead of an answer, and the others follow.

        Args:
            files: paths; they may come from a generator, which is read as answers are taken.
            threads: images in progress at a time.

        Raises:
            UserError: there is no classifier.

        Example:
            >>> for answer in models.classify_files(sorted(Path("photos").iterdir())):
            ...     print(answer.file, answer.prediction.label if answer.prediction else answer.error)
        """
        classifier = self.classifier
        yield from map_in_order(partial(self._answer, classifier), files, threads)

    def names(
        self,
        count: int = 10,
        *,
        temperature: float = 0.8,
        seed: int | None = None,
        top_k: int = 0,
        top_p: float = 1.0,
        prefix: str = "",
        min_length: int = 1,
        max_length: int = MAX_LENGTH,
        novel: bool = True,
    ) -> list[SampledName]:
        """Invent names, each with the nearest real name and a score.

        Args:
            count: at most 10,000 names.
            temperature: from 0.5 to 5; lower gives likelier names.
            seed: the same seed, count and options give the same names; None takes a random one.
            top_k: sample from so many of the likeliest characters; 0 for all.
            top_p: sample from the likeliest characters of this probability mass; 1 for all.
            prefix: what the names start with.
            min_length: fewest characters of a name.
            max_length: most characters of a name.
            novel: whether to leave out real names and near duplicates of them.

        Raises:
            UserError: an argument is out of bounds, too few names satisfy them, or there is no generator.

        Example:
            >>> herodex.load().names(1, seed=3, prefix="Pi")[0].name
            'Piniler'
        """
        try:
            wish = LocalNamesRequest.model_validate(
                {
                    "count": count,
                    # JSON has one kind of numbers.
                    "temperature": float(temperature),
                    "top_p": float(top_p),
                    "seed": seed,
                    "top_k": top_k,
                    "prefix": prefix,
                    "min_length": min_length,
                    "max_length": max_length,
                    "novel": novel,
                }
            )
        except ValidationError as error:
            raise UserError(describe(error), "Correct it, and ask again.") from None
        options = SamplingOptions(
            wish.temperature,
            wish.top_k,
            wish.top_p,
            normalise_prefix(wish.prefix),
            wish.min_length,
            wish.max_length,
            wish.novel,
        )
        chosen = random_seed() if wish.seed is None else wish.seed
        return sample_names(self.generator, wish.count, options, chosen)

    def _answer(self, classifier: Classifier, file: str | os.PathLike[str]) -> FileAnswer:
        try:
            return FileAnswer(show_path(file), predict(classifier, self._pixels(file)))
        except (ImageError, UnreadableError) as error:
            return FileAnswer(show_path(file), None, reason(error))

    def _pixels(self, image: ImageSource) -> UInt8[np.ndarray, "h w 3"]:
        limits = decode_limits(self.params, self._place.models / "classifier")
        if isinstance(image, Image.Image):
            return rgb_of(image, limits.max_side)
        data = image if isinstance(image, bytes) else read_image_file(Path(image))
        return decode(self._decoders, data, limits)


def open_models(models: str | os.PathLike[str] | None = None, bento: str | None = None) -> Models:
    """Open the models of the project, of a folder or of a bento; see `herodex.load`."""
    return Models(find_models(None if models is None else Path(models), bento))


def decode(decoders: Decoders, data: bytes, limits: DecodeLimits) -> UInt8[np.ndarray, "h w 3"]:
    """Decode a file within the limits of the service."""
    header = read_header(data, limits.max_pixels, FORMATS, limits.max_jpeg_pixels)
    return decoders.decode(data, limits, cpu_limit(header.size[0] * header.size[1]))


def rgb_of(image: Image.Image, max_side: int) -> UInt8[np.ndarray, "h w 3"]:
    """Convert a Pillow image as a file of it would be decoded.

    Raises:
        ImageError: its file is damaged; Pillow reads it only now.
    """
    try:
        image.load()
    # Pillow's readers raise exceptions of many types on damaged files.
    except Exception as error:
        raise ImageError("unreadable", f"it is damaged ({error})") from None
    return to_rgb(image, max_side)


def predict(classifier: Classifier, pixels: UInt8[np.ndarray, "h w 3"]) -> Prediction:
    """Answer one image, alone as in the service: sums of a batch could differ in the last digits."""
    return to_prediction(classifier, classifier.run([trim_bars(pixels)]))


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[Result]:
    """Apply a function in threads; yield the results in the order of the items, and hold few of them."""
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= threads * AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def random_seed() -> int:
    """Return a random seed for names."""
    return int.from_bytes(os.urandom(4), "little")


def describe(error: ValidationError) -> str:
    """Say which arguments are out of bounds."""
    problems = [
        (".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, "))
        for problem in error.errors()
    ]
    return "; ".join(f"'{field}': {text}" if field else text for field, text in problems) + "."
