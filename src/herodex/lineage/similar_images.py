"""Find the training images whose features are most similar to an image's."""

from pathlib import Path

import numpy as np

from herodex import paths
from herodex.errors import UserError
from herodex.inference.image_decoding import ImageError, normalise, open_image
from herodex.inference.predict import load_classifier, to_prediction
from herodex.lineage.counts import Row
from herodex.lineage.trace import describe_source
from herodex.lineage.tree import Node
from herodex.params import Params


def trace_answer(image: Path, rows: list[Row], params: Params, most: int) -> Node:
    """Draw the answer for an image file, and its most similar training images.

    Args:
        image: an image file.
        rows: of `split_images`, if the table exists; they have more details than the model's own list.
        params: for the precision and the limit of pixels.
        most: how many similar images to show.

    Raises:
        UserError: the file is no image, or there is no model.
    """
    classifier = load_classifier(paths.MODELS, params.backbone.precision)
    try:
        data = image.read_bytes()
        limits = (params.serve.max_pixels_mp, params.classifier.clean.max_pixels_mp)
        max_pixels, max_jpeg_pixels = (int(megapixels * 1_000_000) for megapixels in limits)
        opened = open_image(data, max_pixels, max_jpeg_pixels=max_jpeg_pixels)
        pixels = normalise(opened, classifier.max_side)
    except (OSError, ImageError) as error:
        raise UserError(f"{image} cannot be read: {error}.", "Give a JPEG, PNG or WebP file.") from None
    outputs = classifier.run([pixels])
    said = to_prediction(classifier, outputs)
    by_hash = {row["sha256"]: row for row in rows}
    cosines = classifier.gallery.searched @ outputs.vectors[0]
    verdict = f"{said.label} {said.probabilities[said.label]:.3f}, none of the classes {said.unknown:.3f}"
    root = Node(f"answer of {said.model}: {verdict}")
    nearest = root.add("most similar training images, by cosine")
    for index in np.argsort(-cosines, kind="stable")[:most]:
        source = classifier.sources[int(index)]
        row = by_hash.get(source["sha256"]) or source
        nearest.add(f"{cosines[index]:.3f} {source['shows']}, {describe_source(row)}")
    return root
