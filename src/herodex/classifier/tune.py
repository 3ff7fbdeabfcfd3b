"""Train a backbone's last stage together with a fitted head."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int

from herodex.classifier.linear import LinearHead
from herodex.determinism import seed_keras
from herodex.embedding.embed import batches
from herodex.inference.features import Embedder, channels_of, feature_maps, features_of, pool
from herodex.params import EmbedParams, FineTuneParams
from herodex.progress import track

if TYPE_CHECKING:
    import keras


def join(stage: "keras.Model", head: LinearHead, embed: EmbedParams, l2: float) -> "keras.Model":
    """Put a head on a last stage: from its input, [n, rows, columns, channels], to logits.

    Batch norms keep their statistics and weights: a few hundred images are too few to estimate them.
    """
    import keras

    layers: Any = keras.layers
    for layer in stage.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    before = keras.Input(stage.inputs[0].shape[1:])
    maps = dict(zip((4, 5), stage(before, training=False), strict=True))
    poolings = {"max": layers.GlobalMaxPooling2D, "avg": layers.GlobalAveragePooling2D}
    pooled = [poolings[pooling]()(maps[number]) for number in embed.stages for pooling in embed.poolings]
    features = layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    standardised = layers.Normalization(mean=head.mean, variance=head.deviation**2)(features)
    # Keras's L2 penalty has no factor 1/2.
    layer = layers.Dense(len(head.bias), kernel_regularizer=keras.regularizers.L2(l2 / 2))
    model = keras.Model(before, layer(standardised))
    layer.set_weights([head.kernel, head.bias])
    return model


def tune(
    stage: "keras.Model",
    embedder: Embedder,
    files: list[str],
    labels: Int[np.ndarray, " n"],
    head: LinearHead,
    l2: float,
    settings: FineTuneParams,
    seed: int,
) -> list[float]:
    """Train a last stage, in place, together with a copy of the head.

    Each batch shows one view, drawn at random; everything before the stage stays frozen.

    Args:
        stage: from its input to the feature maps of the fourth and the fifth stage.
        embedder: computes the stage's input, as its first output.
        files: the images' names in the manifest.
        labels: of the images.
        head: fitted to the features of the frozen backbone.
        l2: its weight decay.
        settings: of the training.
        seed: of the order of images and of the views.

    Returns:
        the mean loss of each epoch.
    """
    import keras

    seed_keras(seed)
    model: Any = join(stage, head, embedder.settings, l2)
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    rng, size, losses = np.random.default_rng(seed), settings.batch_size, list[float]()
    for epoch in range(1, settings.epochs + 1):
        order: list[int] = rng.permutation(len(files)).tolist()
        starts = range(0, len(files), size)
        work = zip(starts, batches([files[i] for i in order], size), strict=True)
        lost: list[float] = []
        for start, images in track(work, len(starts), f"tune, epoch {epoch}", "batches"):
            view = embedder.views[rng.integers(len(embedder.views))]
            targets = labels[order[start : start + size]]
            with feature_maps(embedder, images, [view], outputs=[0]) as (before,):
                lost.append(float(model.train_on_batch(before[:, 0], targets)))
        losses.append(float(np.mean(lost)))
    return losses


def tuned_features(
    stage: "keras.Model", embedder: Embedder, files: list[str], size: int
) -> Float32[np.ndarray, "n features"]:
    """Compute the features of images with another last stage.

    Args:
        stage: the last stage.
        embedder: computes its input, as its first output.
        files: the images' names in the manifest.
        size: images a batch.
    """
    found, steps = list[np.ndarray](), -(-len(files) // size)
    for images in track(batches(files, size), steps, "embed again", "batches"):
        with feature_maps(embedder, images, embedder.views, outputs=[0]) as (before,):
            flat = before.reshape(-1, *before.shape[2:])
            stages = [np.asarray(values) for values in stage.predict_on_batch(flat)]
            maps = [values.reshape(*before.shape[:2], *values.shape[1:]) for values in stages]
            found.append(features_of(embedder.settings, pool(maps), channels_of(maps)))
    return np.concatenate(found)
