"""Linear softmax heads: fitting by L-BFGS, out-of-fold predictions, temperature scaling."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from scipy.optimize import OptimizeResult, minimize, minimize_scalar
from threadpoolctl import threadpool_limits

from herodex.classifier.examples import Examples
from herodex.classifier.principal_components import BLOCK_ROWS, blocks
from herodex.hashing import uniform_hash
from herodex.inference.ood import class_probabilities
from herodex.progress import track
from herodex.scale.parallel import side_by_side

MOST_ITERATIONS = 500
TOLERANCE = 1e-4
"""Largest component of the gradient at which the solver stops."""
MANY_IMAGES, MANY_LOGITS, FEW_FOLDS = 20_000, 2_000_000, 3
"""Beyond so many images, or logits of all images, there are only so many folds."""
EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True)
class LinearHead:
    """A linear head on standardised features.

    Attributes:
        mean: of each feature.
        deviation: standard deviation of each feature.
        kernel: weights of standardised features.
        bias: of each label; minus infinity for a label without training images.
        losses: the training loss after each iteration or epoch.
    """

    mean: Float[np.ndarray, " features"]
    deviation: Float[np.ndarray, " features"]
    kernel: Float[np.ndarray, "features labels"]
    bias: Float[np.ndarray, " labels"]
    losses: list[float] = field(default_factory=list[float])

    def logits(self, features: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n labels"]:
        """Compute the logits of all labels."""
        return ((features - self.mean) / self.deviation) @ self.kernel + self.bias


FitHeads = Callable[[Examples, int], Iterable[LinearHead]]
"""Fits heads to examples of so many labels, one head for each setting to choose from."""


def fit_heads(examples: Examples, label_count: int, l2: list[float]) -> Iterator[LinearHead]:
    """Fit a softmax head for each weight decay.

    The loss is the mean cross-entropy plus l2 / 2 · the sum of squared weights; biases have no penalty.

    Args:
        examples: of at least two labels.
        label_count: labels of the head; one without an image is never answered.
        l2: the weight decays.
    """
    space = examples.row_space
    present, targets = np.unique(examples.labels, return_inverse=True)
    rows = np.column_stack([space.coordinates, np.ones(len(targets), space.coordinates.dtype)])
    weights = np.zeros((rows.shape[1], len(present)))
    for decay in l2:
        # Sums on several threads come in varying order, and with varying digits.
        with threadpool_limits(1):
            loss = _loss_in_blocks if examples.reduced else _loss
            # The minimum is unique. From that of the decay before, it is reached in fewer steps.
            start = weights if examples.reduced else np.zeros_like(weights)
            weights, losses = _minimise(loss(rows, targets, decay), start)
            kernel = np.zeros((space.basis.shape[0], label_count))
            bias = np.full(label_count, -np.inf)
            kernel[:, present], bias[present] = space.basis @ weights[:-1], weights[-1]
        yield LinearHead(space.mean, space.deviation, kernel, bias, losses)


Loss = Callable[[Float[np.ndarray, "weights labels"]], tuple[float, Float[np.ndarray, "weights labels"]]]
"""From weights, with the biases as their last row, to the loss and its gradient."""


def _loss(rows: Float[np.ndarray, "n weights"], targets: Int[np.ndarray, " n"], l2: float) -> Loss:
    one_hot = np.eye(int(targets.max()) + 1)[targets]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = rows @ weights
        logits -= logits.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        penalised = weights.copy()
        penalised[-1] = 0
        value = (log_sums.sum() - (logits * one_hot).sum()) / len(rows) + l2 / 2 * (penalised**2).sum()
        gradient = rows.T @ (np.exp(logits - log_sums) - one_hot) / len(rows) + l2 * penalised
        return float(value), gradient

    return loss


def _loss_in_blocks(
    rows: Float32[np.ndarray, "n weights"], targets: Int[np.ndarray, " n"], l2: float
) -> Loss:
    # Products in single precision; their sums in double precision, in the order of the blocks.
    parts = blocks(len(rows), BLOCK_ROWS)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        single = weights.astype(np.float32)

        def of_block(part: slice) -> tuple[float, np.ndarray]:
            chosen, true = rows[part], targets[part]
            logits, place = chosen @ single, np.arange(len(true))
            logits -= logits.max(axis=1, keepdims=True)
            lost = -logits[place, true].sum(dtype=np.float64)
            np.exp(logits, out=logits)
            sums = logits.sum(axis=1, keepdims=True)
            logits /= sums
            logits[place, true] -= 1
            return float(lost + np.log(sums.astype(np.float64)).sum()), chosen.T @ logits

        penalised = weights.copy()
        penalised[-1] = 0
        value, gradient = l2 / 2 * float((penalised**2).sum()), l2 * penalised
        for lost, slope in side_by_side(of_block, parts):
            value += lost / len(rows)
            gradient += slope / np.float32(len(rows))
        return value, gradient

    return loss


def _minimise(
    loss: Loss, start: Float[np.ndarray, "weights labels"]
) -> tuple[Float[np.ndarray, "weights labels"], list[float]]:
    # The weights with the least loss, and the loss after each iteration.
    def flat_loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss(flat.reshape(start.shape))
        return value, gradient.ravel()

    losses: list[float] = []

    # SciPy passes the loss only to a callback whose argument has this name.
    def record(intermediate_result: OptimizeResult) -> None:
        losses.append(float(intermediate_result.fun))

    found = minimize(
        flat_loss,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        callback=record,
        options={"maxiter": MOST_ITERATIONS, "gtol": TOLERANCE, "maxls": 50, "ftol": 64 * EPSILON},
    )
    return found.x.reshape(start.shape), losses


def assign_folds(groups: Iterable[str], folds: int) -> Int[np.ndarray, " n"]:
    """Assign each image the fold of its duplicate group; it depends on the group's id alone."""
    return np.array([int(folds * uniform_hash(group, "head")) for group in groups], int)


def fold_count(images: int, labels: int, folds: int) -> int:
    """Return how many folds are used: those of the settings, or at most 3 for many images and labels.

    The time of a fit grows with images times labels. With so many images, models that learn from a third less
    are hardly worse.
    """
    return min(folds, FEW_FOLDS) if images > MANY_IMAGES or images * labels > MANY_LOGITS else folds


def out_of_fold_logits(
    examples: Examples, label_count: int, fold: Int[np.ndarray, " n"], fit: FitHeads
) -> Float[np.ndarray, "heads held_out labels"]:
    """Compute the logits of each image by heads fitted to the other folds.

    Args:
        examples: to fit and to predict.
        label_count: labels of the heads.
        fold: of each image; images with a fold below 0 are always in training, and have no prediction.
        fit: fits the heads.
    """
    numbers, by_fold = np.unique(fold[fold >= 0]), list[list[np.ndarray]]()
    kind = np.float32 if examples.reduced else np.float64
    for number in track(numbers, len(numbers), "cross-validate", "folds"):
        held_out = examples.features[fold == number]
        heads = fit(examples.select(fold != number), label_count)
        by_fold.append([head.logits(held_out).astype(kind, copy=False) for head in heads])
    logits = np.zeros((len(by_fold[0]), len(fold), label_count), kind)
    for number, of_fold in zip(numbers, by_fold, strict=True):
        logits[:, fold == number] = of_fold
    return logits[:, fold >= 0]


def correct_answers(
    logits: Float[np.ndarray, "n labels"],
    labels: Int[np.ndarray, " n"],
    classes: int,
    temperature: float = 1.0,
) -> Bool[np.ndarray, " n"]:
    """Mark the correct answers, where an answer is a class or `unknown`; arguments as in `log_loss`."""
    answers = [class_probabilities(part, classes, temperature).argmax(axis=1) for _, part in _parts(logits)]
    return np.concatenate(answers) == np.minimum(labels, classes)


def log_loss(
    logits: Float[np.ndarray, "n labels"],
    labels: Int[np.ndarray, " n"],
    classes: int,
    temperature: float = 1.0,
) -> float:
    """Compute the mean of `log_losses`, which has the same arguments."""
    return float(log_losses(logits, labels, classes, temperature).mean())


def log_losses(
    logits: Float[np.ndarray, "n labels"],
    labels: Int[np.ndarray, " n"],
    classes: int,
    temperature: float = 1.0,
) -> Float[np.ndarray, " n"]:
    """Compute the negative log probability of each true answer, a class or `unknown`.

    Args:
        logits: the classes first.
        labels: the true labels.
        classes: how many of the labels are classes.
        temperature: divides the logits.
    """
    true = np.empty(len(labels))
    for rows, part in _parts(logits):
        place = np.minimum(labels[rows], classes)
        true[rows] = class_probabilities(part, classes, temperature)[np.arange(len(part)), place]
    return -np.log(np.maximum(true, 1e-12))


def _parts(
    logits: Float[np.ndarray, "n labels"],
) -> Iterator[tuple[slice, Float[np.ndarray, "_rows labels"]]]:
    # Probabilities are in double precision, so that those of many images and labels would fill the memory.
    for rows in blocks(len(logits), BLOCK_ROWS) or [slice(0, 0)]:
        yield rows, logits[rows]


def fit_temperature(
    logits: Float[np.ndarray, "n labels"], labels: Int[np.ndarray, " n"], classes: int
) -> float:
    """Fit the temperature that minimises the log loss (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

    def loss(exponent: float) -> float:
        return log_loss(logits, labels, classes, float(np.exp(exponent)))

    found = minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    return round(float(np.exp(found.x)), 4)
