"""The whole classifier as one OpenVINO graph: from an image's pixels to the answer's numbers.

The graph repeats `herodex.inference` step by step: it finds the bars at the image's edges, cuts and scales
the views as Pillow does, runs the backbone, and computes features, head, OOD score and posterior.
"""

from pathlib import Path
from typing import Any, cast

import numpy as np
import openvino as ov
from jaxtyping import Int, Shaped
from openvino import opset13

from herodex.inference.features import feature_columns
from herodex.inference.image_decoding import BAR_PURITY, BAR_TOLERANCE, LEAST_CONTENT
from herodex.inference.ood import Gallery
from herodex.inference.predict import Classifier
from herodex.inference.views import ViewName, box_of

op = cast(Any, opset13)
Value = Any
"""An output of a node; OpenVINO's types for them are internal."""

UNITS = 8
"""Parts of a pixel in which a view's box is an integer."""
CUBIC = -0.5
"""The parameter of Pillow's bicubic filter."""
TINY = 1e-12


def classifier_graph(backbone: ov.Model, classifier: Classifier) -> ov.Model:
    """Build the graph of a classifier.

    Args:
        backbone: of the classifier, from `read_backbone`; it becomes a part of the graph.
        classifier: the loaded classifier.

    Returns:
        A model with the input `image`, upright RGB in uint8 with the shape height, width, 3, and the outputs
        `probabilities` of the classes and of `unknown`, `answer` (its position in them), `in_set` (1 for
        each answer of the confidence set) and `looks_like` (the position of the head's likeliest label;
        -1 for an image unlike all training images).
    """
    image = op.parameter([-1, -1, 3], np.uint8, name="image")
    image.output(0).set_names({"image"})
    pixels = op.transpose(op.convert(image, "f32"), [2, 0, 1])
    views = op.concat(_views(pixels, classifier), 0)
    settings = classifier.embedder.settings
    stages = _run_backbone(backbone, op.transpose(views, [0, 2, 3, 1]))
    pooled = op.concat([_pool(maps, way) for maps in stages for way in (op.reduce_max, op.reduce_mean)], 1)
    averaged = op.reduce_mean(pooled, _ints([0]), keep_dims=True)
    channels = [int(maps.get_partial_shape()[3].get_length()) for maps in stages]
    features = op.gather(averaged, _ints(feature_columns(settings, channels)), _ints(1))
    means = op.gather(
        averaged, _ints(np.arange(sum(channels) * 2 - channels[1], sum(channels) * 2)), _ints(1)
    )
    outputs = _answer(classifier, features, means)
    for name, value in outputs.items():
        value.output(0).set_names({name})
    return cast(Any, ov.Model)([op.result(value) for value in outputs.values()], [image], "classifier")


def _ints(values: int | list[int] | list[list[int]] | Int[np.ndarray, "..."]) -> Value:
    return op.constant(np.asarray(values, np.int32))


def _floats(values: float | list[list[float]] | Shaped[np.ndarray, "..."]) -> Value:
    return op.constant(np.asarray(values, np.float32))


def _views(pixels: Value, classifier: Classifier) -> list[Value]:
    """Cut and scale all views; `pixels` has the shape 3, height, width."""
    shape = op.shape_of(pixels, "i32")
    height, width = (op.gather(shape, _ints(axis), _ints(0)) for axis in (1, 2))
    side = classifier.embedder.settings.input_size
    content = _content(pixels, height, width)
    squares = {
        name: _resized(pixels, (height, width), content, name, side)
        for name in classifier.embedder.settings.views
    }
    backwards = _ints(np.arange(side)[::-1])
    return [
        op.gather(squares[view.name], backwards, _ints(3)) if view.mirrored else squares[view.name]
        for view in classifier.embedder.views
    ]


def _content(pixels: Value, height: Value, width: Value) -> tuple[Value, Value, Value, Value]:
    """Find the first row and column between the bars, and those after the last; see `content`."""
    dark = op.convert(op.less_equal(op.reduce_max(pixels, _ints([0])), _floats(BAR_TOLERANCE)), "f32")
    light = op.convert(
        op.greater_equal(op.reduce_min(pixels, _ints([0])), _floats(255 - BAR_TOLERANCE)), "f32"
    )
    everywhere = op.convert(op.greater_equal(_indices(height), _ints(0)), "f32")
    top, bottom = _inside(dark, light, everywhere, along=0)
    rows = _indices(height)
    chosen = op.convert(op.logical_and(op.greater_equal(rows, top), op.less(rows, bottom)), "f32")
    left, right = _inside(dark, light, chosen, along=1)
    kept = op.multiply(*(op.convert(op.subtract(*ends), "f32") for ends in ((bottom, top), (right, left))))
    all_pixels = op.multiply(op.convert(height, "f32"), op.convert(width, "f32"))
    enough = op.greater_equal(kept, op.multiply(all_pixels, _floats(LEAST_CONTENT)))
    zero = _ints(0)
    found = ((top, zero), (bottom, height), (left, zero), (right, width))
    return cast(
        tuple[Value, Value, Value, Value],
        tuple(op.select(enough, content, everything) for content, everything in found),
    )


def _inside(dark: Value, light: Value, rows: Value, along: int) -> tuple[Value, Value]:
    """Return the first row (`along` 0) or column (1) that is no bar, and the one after the last; 0 if none.

    `rows` weighs rows by 1 or 0, for columns.
    """
    if along == 0:
        shares = [op.reduce_mean(each, _ints([1])) for each in (dark, light)]
    else:
        weights = op.unsqueeze(rows, _ints(0))
        count = op.maximum(op.reduce_sum(rows, _ints([0])), _floats(1))
        shares = [
            op.divide(op.squeeze(op.matmul(weights, each, False, False), _ints(0)), count)
            for each in (dark, light)
        ]
    is_bar = op.logical_or(*(op.greater_equal(share, _floats(BAR_PURITY)) for share in shares))
    length = op.gather(op.shape_of(is_bar, "i32"), _ints(0), _ints(0))
    places = _indices(length)
    first = op.reduce_min(op.select(is_bar, length, places), _ints([0]))
    stop = op.reduce_max(op.select(is_bar, _ints(0), op.add(places, _ints(1))), _ints([0]))
    return op.minimum(first, stop), stop


def _indices(count: Value) -> Value:
    return op.range(_ints(0), count, _ints(1), "i32")


def _resized(
    pixels: Value,
    size: tuple[Value, Value],
    content: tuple[Value, Value, Value, Value],
    name: ViewName,
    side: int,
) -> Value:
    """Scale a view of the content to a square, as `to_input` does; the result has the shape 1, 3, side, side.

    Pillow rounds between its passes, and scales columns first where that removes over twice as many pixels of
    a column as the other pass removes of a row.
    """
    top, bottom, left, right = content
    box = _box(name, op.subtract(right, left), op.subtract(bottom, top))
    across = _filter(size[1], (left, right), box[0], box[2], side)
    down = _filter(size[0], (top, bottom), box[1], box[3], side)
    by_rows = op.matmul(down, _as_pixels(op.matmul(pixels, across, False, True)), False, False)
    by_columns = op.matmul(_as_pixels(op.matmul(down, pixels, False, False)), across, False, True)
    removed = [
        op.maximum(op.subtract(op.subtract(*ends), _ints(side)), _ints(0))
        for ends in ((bottom, top), (right, left))
    ]
    columns_first = op.greater(removed[0], op.multiply(removed[1], _ints(2)))
    return op.unsqueeze(_as_pixels(op.select(columns_first, by_columns, by_rows)), _ints(0))


def _box(name: ViewName, width: Value, height: Value) -> tuple[Value, Value, Value, Value]:
    """Return left, top, width and height of a view in the content, in parts of a pixel."""
    if name == "whole":
        units = _ints(UNITS)
        return _ints(0), _ints(0), op.multiply(width, units), op.multiply(height, units)
    # In an image of 2 by 1 and one of 1 by 2, the box shows its side and its place.
    wide = box_of(name, 2, 1)
    share, place = wide[2] - wide[0], wide[0] / max(2 - (wide[2] - wide[0]), TINY)
    length = op.multiply(op.minimum(width, height), _ints(round(share * UNITS)))
    offsets = [
        op.divide(
            op.multiply(op.subtract(op.multiply(each, _ints(UNITS)), length), _ints(round(place * 2))),
            _ints(2),
        )
        for each in (width, height)
    ]
    return offsets[0], offsets[1], length, length


def _filter(size: Value, content: tuple[Value, Value], start: Value, length: Value, side: int) -> Value:
    """Compute Pillow's bicubic weights of all pixels of an axis for each pixel of the square.

    Args:
        size: pixels of the axis.
        content: the first pixel that counts, and the one after the last.
        start: of the view in the content, in parts of a pixel.
        length: of the view, in parts of a pixel.
        side: of the square.

    Returns:
        Weights with the shape side, size; each row's sum is 1.
    """
    twice = 2 * np.arange(side)[:, None] + 1
    pixels = op.unsqueeze(_indices(size), _ints(0))
    # The distance from a pixel's centre to the centre of the output pixel, exact in integers.
    offsets = op.subtract(pixels, content[0])
    centres = op.multiply(op.add(op.multiply(offsets, _ints(UNITS)), _ints(UNITS // 2)), _ints(2 * side))
    targets = op.add(op.multiply(start, _ints(2 * side)), op.multiply(length, _ints(twice)))
    distances = op.convert(op.subtract(centres, targets), "f32")
    scale = op.maximum(op.convert(length, "f32"), _floats(UNITS * side))
    weights = _bicubic(op.divide(op.abs(distances), op.multiply(scale, _floats(2))))
    counts = op.logical_and(op.greater_equal(pixels, content[0]), op.less(pixels, content[1]))
    weights = op.multiply(weights, op.convert(counts, "f32"))
    return op.divide(weights, op.reduce_sum(weights, _ints([1]), keep_dims=True))


def _bicubic(x: Value) -> Value:
    """Compute the bicubic kernel of distances."""
    near = op.add(
        op.multiply(op.multiply(op.subtract(op.multiply(x, _floats(CUBIC + 2)), _floats(CUBIC + 3)), x), x),
        _floats(1),
    )
    far = op.multiply(
        op.subtract(
            op.multiply(op.add(op.multiply(op.subtract(x, _floats(5)), x), _floats(8)), x), _floats(4)
        ),
        _floats(CUBIC),
    )
    beyond = op.select(op.less(x, _floats(2)), far, _floats(0))
    return op.select(op.less(x, _floats(1)), near, beyond)


def _as_pixels(values: Value) -> Value:
    return op.clamp(op.floor(op.add(values, _floats(0.5))), 0.0, 255.0)


def read_backbone(file: Path, classifier: Classifier) -> ov.Model:
    """Read a backbone for one image: all of its views in one batch."""
    side = classifier.embedder.settings.input_size
    network = cast(Any, ov.Core().read_model(file))
    network.reshape([len(classifier.embedder.views), side, side, 3])
    return network


def _run_backbone(network: Any, inputs: Value) -> list[Value]:
    """Attach the backbone to its inputs; return the feature maps of its stages."""
    _index_reversals(network)
    for target in network.input(0).get_target_inputs():
        target.replace_source_output(inputs.output(0))
    return [network.output(name).get_node().input_value(0) for name in ("stage_4", "stage_5")]


def _index_reversals(network: Any) -> None:
    """Replace each reversal of a whole axis, such as RGB to BGR, by a choice of positions, known to all."""
    for node in network.get_ops():
        if node.get_type_name() == "ReverseSequence":
            axis = node.get_attributes()["seq_axis"]
            length = node.get_output_partial_shape(0)[axis].get_length()
            positions = _ints(np.arange(int(length))[::-1])
            node.output(0).replace(op.gather(node.input_value(0), positions, _ints(axis)).output(0))


def _pool(maps: Value, way: Any) -> Value:
    return way(maps, _ints([1, 2]))


def _answer(classifier: Classifier, features: Value, means: Value) -> dict[str, Value]:
    """Compute the outputs from features; see `Classifier.run_on_features`."""
    classes = len(classifier.classes)
    logits = op.add(
        op.matmul(features, _floats(classifier.head.weights), False, False), _floats(classifier.head.bias)
    )
    whitening = classifier.whitening
    vectors = _unit(
        op.subtract(
            op.matmul(features, _floats(whitening.projection), False, False), _floats(whitening.origin)
        )
    )
    similarity = _similarities(classifier.gallery, vectors)
    of_classes = classifier.gallery.labels < classes
    cosines = op.matmul(_unit(means), _floats(classifier.gallery.means[of_classes]), False, True)
    far = _mean_of_nearest(cosines, classifier.gallery.neighbours, int(of_classes.sum()))
    scores, is_far = _ood_scores(classifier, logits, similarity, far)
    known = op.sigmoid(scores)
    shares = op.softmax(op.divide(_columns(logits, 0, classes), _floats(classifier.temperature)), 1)
    named, unknown = op.multiply(shares, known), op.subtract(_floats(1), known)
    probabilities = op.concat([named, unknown], 1)
    best, best_at = _greatest(named)
    is_known = op.greater_equal(best, unknown)
    answer = op.select(is_known, best_at, _ints([[classes]]))
    positions = _ints(np.arange(classes + 1)[None])
    in_set = op.logical_or(
        op.greater_equal(probabilities, _floats(classifier.least)), op.equal(positions, answer)
    )
    looks_like = op.select(is_far, _ints([[-1]]), _greatest(logits)[1])
    return {
        "probabilities": op.squeeze(probabilities, _ints(0)),
        "answer": op.squeeze(answer, _ints([0, 1])),
        "in_set": op.convert(op.squeeze(in_set, _ints(0)), "i32"),
        "looks_like": op.squeeze(looks_like, _ints([0, 1])),
    }


def _ood_scores(classifier: Classifier, logits: Value, similarity: Value, far: Value) -> tuple[Value, Value]:
    """Compute the OOD score, and whether the image is unlike all training images; see `ood_figures`."""
    classes, labels, detector = len(classifier.classes), len(classifier.labels), classifier.detector
    own = _columns(logits, 0, classes)
    nearest = _greatest(_columns(similarity, 0, classes))[0]
    figures = [
        op.subtract(_greatest(own)[0], _log_sum_exp(logits)),
        _log_sum_exp(own),
        nearest,
        op.subtract(nearest, _greatest(_columns(similarity, classes, labels))[0])
        if labels > classes
        else _floats([[0.0]]),
    ]
    near = _floats([[detector.bias]])
    for figure, weight in zip(figures, detector.weights, strict=True):
        near = op.add(near, op.multiply(figure, _floats(float(weight))))
    far_score = op.add(op.multiply(far, _floats(detector.far_weight)), _floats(detector.far_bias))
    return op.minimum(near, far_score), op.less(far_score, _floats(0))


def _similarities(gallery: Gallery, vectors: Value) -> Value:
    """Compute the mean cosine with the nearest training images of each label; see `similarities`."""
    cosines = op.matmul(vectors, _floats(gallery.vectors), False, True)
    found = []
    for label in range(gallery.label_count):
        of_label = np.flatnonzero(gallery.labels == label)
        found.append(
            _mean_of_nearest(op.gather(cosines, _ints(of_label), _ints(1)), gallery.neighbours, len(of_label))
            if len(of_label)
            else _floats([[-1.0]])
        )
    return op.concat(found, 1)


def _mean_of_nearest(cosines: Value, neighbours: int, count: int) -> Value:
    nearest = op.topk(cosines, _ints(min(neighbours, count)), 1, "max", "value", "i32")
    return op.reduce_mean(nearest.output(0), _ints([1]), keep_dims=True)


def _greatest(values: Value) -> tuple[Value, Value]:
    """Return the greatest value of a row, and the first position that has it."""
    found = op.topk(values, _ints(1), 1, "max", "value", "i32", stable=True)
    return found.output(0), found.output(1)


def _columns(values: Value, start: int, stop: int) -> Value:
    return op.gather(values, _ints(np.arange(start, stop)), _ints(1))


def _log_sum_exp(values: Value) -> Value:
    greatest = op.reduce_max(values, _ints([1]), keep_dims=True)
    total = op.reduce_sum(op.exp(op.subtract(values, greatest)), _ints([1]), keep_dims=True)
    return op.add(greatest, op.log(total))


def _unit(rows: Value) -> Value:
    length = op.sqrt(op.reduce_sum(op.multiply(rows, rows), _ints([1]), keep_dims=True))
    return op.divide(rows, op.maximum(length, _floats(TINY)))
