"""Tunes the last stage of a backbone together with a head that stands already."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from herodex.classifier.linear import LinearHead
from herodex.determinism import seed_keras
from herodex.embedding.embed import batches
from herodex.inference.features import Embedder, channels_of, features_of, looking, pool, poolings_of
from herodex.params import EmbedParams, FineTuneParams
from herodex.progress import track

if TYPE_CHECKING:
    import keras


def join(stage: "keras.Model", head: LinearHead, embed: EmbedParams, l2: float) -> "keras.Model":
    """Put a head on a last stage: from the feature maps before it, [n, rows, columns, channels], to logits.

    Batch norms keep their statistics and their weights: a few hundred images say little of them.
    """
    import keras

    for layer in stage.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    before = keras.Input(stage.inputs[0].shape[1:])
    maps = {4: before, 5: stage(before, training=False)}
    ways = {"max": keras.layers.GlobalMaxPooling2D, "avg": keras.layers.GlobalAveragePooling2D}
    pooled = [ways[pooling]()(maps[number]) for number in embed.stages for pooling in poolings_of(embed)]
    features = keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    standardised = keras.layers.Normalization(mean=head.mean, variance=head.deviation**2)(features)
    # Keras counts the squares whole, everybody else by half.
    layer = keras.layers.Dense(len(head.bias), kernel_regularizer=keras.regularizers.L2(l2 / 2))
    model = keras.Model(before, layer(standardised))
    layer.set_weights([head.kernel, head.bias])
    return model


def tune(
    stage: "keras.Model",
    embedder: Embedder,
    files: list[str],
    labels: np.ndarray,
    head: LinearHead,
    l2: float,
    settings: FineTuneParams,
    seed: int,
) -> list[float]:
    """Train a last stage, in place, and a copy of the head with it.

    Each batch is looked at in one of the views, drawn at random; what comes before the stage stays as it is.

    Args:
        stage: from the feature maps of the fourth stage to those of the fifth.
        embedder: gives the maps of the fourth.
        files: the images' names in the manifest.
        labels: what they show, int [n].
        head: fitted to the features of the backbone as it was.
        l2: its weight decay.
        settings: of the training.
        seed: of the order of images and of the views.

    Returns:
        the mean loss of each epoch.
    """
    import keras

    seed_keras(seed)
    model = join(stage, head, embedder.settings, l2)
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    rng, size, losses = np.random.default_rng(seed), settings.batch_size, []
    for epoch in range(1, settings.epochs + 1):
        order = rng.permutation(len(files))
        starts = range(0, len(files), size)
        reading = batches([files[i] for i in order], size)
        work = zip(starts, reading, strict=True)
        lost = []
        for start, images in track(work, len(starts), f"tune, epoch {epoch}", "batches"):
            view = embedder.views[rng.integers(len(embedder.views))]
            shown = labels[order[start : start + size]]
            with looking(embedder, images, [view]) as (fourth, _):
                lost.append(float(cast(Any, model.train_on_batch(fourth[:, 0], shown))))
        losses.append(float(np.mean(lost)))
    return losses


def tuned_features(stage: "keras.Model", embedder: Embedder, files: list[str], size: int) -> np.ndarray:
    """Compute the features of images with another last stage, float32 [n, features].

    Args:
        stage: the last stage.
        embedder: gives the maps before it.
        files: the images' names in the manifest.
        size: images a batch.
    """
    found, steps = [], -(-len(files) // size)
    for images in track(batches(files, size), steps, "embed anew", "batches"):
        with looking(embedder, images, embedder.views) as (fourth, _):
            flat = fourth.reshape(-1, *fourth.shape[2:])
            fifth = np.asarray(cast(Any, stage.predict_on_batch(flat)))
            maps = [fourth, fifth.reshape(*fourth.shape[:2], *fifth.shape[1:])]
            found.append(features_of(embedder.settings, pool(maps), channels_of(maps)))
    return np.concatenate(found)
