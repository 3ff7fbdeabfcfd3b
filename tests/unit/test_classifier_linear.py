from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize

from herodex.classifier.examples import Examples
from herodex.classifier.linear import fit_heads, fit_temperature, fold_numbers, log_loss, out_of_fold
from herodex.inference.ood import class_probabilities, log_sum_exp


def blobs(n: int = 60, features: int = 200, labels: int = 3) -> Examples:
    rng = np.random.default_rng(5)
    shown = np.arange(n) % labels
    centres = rng.normal(size=(labels, features))
    return Examples((centres[shown] + 2 * rng.normal(size=(n, features))).astype(np.float32), shown)


def test_the_head_is_at_the_minimum_of_its_loss():
    examples = blobs(n=30, features=6)
    labels = examples.labels
    (head,) = fit_heads(examples, 3, [0.1])
    values = (examples.features - head.mean) / head.deviation

    def loss(weights: np.ndarray) -> float:
        kernel, bias = weights[:18].reshape(6, 3), weights[18:]
        logits = values @ kernel + bias
        own = logits[np.arange(len(labels)), labels]
        return float((log_sum_exp(logits) - own).mean() + 0.05 * (kernel**2).sum())

    found = np.concatenate([head.kernel.ravel(), head.bias])
    assert loss(found) == pytest.approx(minimize(loss, np.zeros(21)).fun, abs=1e-4)


def test_two_labels_are_told_apart_as_well_as_many():
    examples = blobs(labels=2)
    (head,) = fit_heads(examples, 2, [0.01])
    assert (head.logits(examples.features).argmax(axis=1) == examples.labels).all()


def test_copies_are_judged_by_heads_that_have_seen_none_of_them():
    clusters = np.array([f"c{i // 2}" for i in range(40)])
    fold = fold_numbers(clusters, 5)
    assert (fold[::2] == fold[1::2]).all()
    assert len(set(fold)) > 2
    examples = blobs(n=40)
    fit = partial(fit_heads, l2=[1.0, 0.1])
    logits = out_of_fold(examples, 3, fold, fit)
    changed = examples.features.copy()
    changed[fold == fold[0]] += 100
    again = out_of_fold(Examples(changed, examples.labels), 3, fold, fit)
    assert logits.shape == (2, 40, 3)
    assert not np.allclose(logits, again)


def test_the_temperature_undoes_what_logits_overstate():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 4))
    true = np.array([rng.choice(4, p=p) for p in np.exp(logits - log_sum_exp(logits)[:, None])])
    assert fit_temperature(3 * logits, true, 3) == pytest.approx(3, rel=0.1)
    assert log_loss(3 * logits, true, 3, 3.0) < log_loss(3 * logits, true, 3)


def test_all_that_is_none_of_the_classes_counts_together():
    probabilities = class_probabilities(np.log([[0.4, 0.3, 0.2, 0.1]]), 2, 1.0)
    assert probabilities[0] == pytest.approx([0.4, 0.3, 0.3])
