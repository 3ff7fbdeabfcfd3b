import warnings
from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from herodex.classifier.examples import Examples
from herodex.classifier.head import fold_standardisation, keras_head
from herodex.classifier.linear import (
    assign_folds,
    fit_heads,
    fit_temperature,
    log_loss,
    out_of_fold_logits,
)
from herodex.inference.ood import class_probabilities, log_sum_exp
from herodex.inference.predict import Head


def blobs(n: int = 60, features: int = 200, labels: int = 3) -> Examples:
    rng = np.random.default_rng(5)
    own = np.arange(n) % labels
    centres = rng.normal(size=(labels, features))
    return Examples((centres[own] + 2 * rng.normal(size=(n, features))).astype(np.float32), own)


def test_the_head_minimises_its_loss():
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
    least = minimize(loss, np.zeros(21)).fun
    assert loss(found) == pytest.approx(least, abs=1e-4)
    assert head.losses[-1] == pytest.approx(least, abs=1e-4)
    assert head.losses == sorted(head.losses, reverse=True)


@pytest.mark.parametrize(("n", "features"), [(40, 200), (400, 20)], ids=["few rows", "many rows"])
def test_the_head_matches_scikit_learn(n, features):
    examples = blobs(n=n, features=features)
    (head,) = fit_heads(examples, 3, [0.01])
    values = (examples.features - head.mean) / head.deviation
    reference = LogisticRegression(C=1 / (0.01 * n), max_iter=1000, tol=1e-6).fit(values, examples.labels)
    found = class_probabilities(head.logits(examples.features), 3, 1.0)[:, :3]
    assert found == pytest.approx(reference.predict_proba(values), abs=0.01)


def test_a_label_without_images_is_never_answered():
    examples = blobs(labels=2)
    (head,) = fit_heads(examples, 3, [0.01])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probabilities = class_probabilities(head.logits(examples.features), 3, 1.0)
    assert (probabilities[:, 2] == 0).all()
    assert (probabilities[:, :2].argmax(axis=1) == examples.labels).all()


def test_folding_the_standardisation_keeps_the_logits():
    examples = blobs()
    (head,) = fit_heads(examples, 3, [0.1])
    weights = fold_standardisation(head)
    served = Head(weights[:-1], weights[-1])
    expected = head.logits(examples.features)
    assert served.logits(examples.features) == pytest.approx(expected, abs=1e-3)
    assert np.asarray(keras_head(weights)(examples.features)) == pytest.approx(expected, abs=1e-3)


def test_out_of_fold_heads_never_see_a_duplicate():
    groups = [f"c{i // 2}" for i in range(40)]
    fold = assign_folds(groups, 5)
    assert (fold[::2] == fold[1::2]).all()
    assert len(set(fold)) > 2
    examples = blobs(n=40)
    fit = partial(fit_heads, l2=[1.0, 0.1])
    logits = out_of_fold_logits(examples, 3, fold, fit)
    assert logits.shape == (2, 40, 3)
    relabelled = examples.labels.copy()
    relabelled[fold == fold[0]] = (relabelled[fold == fold[0]] + 1) % 3
    again = out_of_fold_logits(Examples(examples.features, relabelled), 3, fold, fit)
    assert (logits[:, fold == fold[0]] == again[:, fold == fold[0]]).all()
    assert not np.allclose(logits[:, fold != fold[0]], again[:, fold != fold[0]])


def test_temperature_corrects_overconfident_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 4))
    true = np.array([rng.choice(4, p=p) for p in np.exp(logits - log_sum_exp(logits)[:, None])])
    assert fit_temperature(3 * logits, true, 3) == pytest.approx(3, rel=0.1)
    assert log_loss(3 * logits, true, 3, 3.0) < log_loss(3 * logits, true, 3)


def test_probabilities_of_distractors_add_up():
    probabilities = class_probabilities(np.log([[0.4, 0.3, 0.2, 0.1]]), 2, 1.0)
    assert probabilities[0] == pytest.approx([0.4, 0.3, 0.3])
