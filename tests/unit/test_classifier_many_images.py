from functools import partial

import numpy as np
import pandas as pd
import pytest

from herodex.classifier import linear, ood_calibration, principal_components
from herodex.classifier.compare import sample_rows
from herodex.classifier.examples import Examples, OodExamples, reduce_features
from herodex.classifier.head import fold_standardisation
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import fit_heads, fold_count
from herodex.classifier.model_selection import Images, select, thin_out
from herodex.classifier.ood_calibration import HeldOut, Method, leave_one_query_out, left_out_labels
from herodex.classifier.principal_components import Components, fit_components, has_many_images, moments
from herodex.classifier.recipes import list_recipes
from herodex.inference.ood import MOST_COMPARED, sample_gallery, unit
from herodex.params import load_params
from herodex.scale.parallel import side_by_side

SETTINGS = load_params().classifier


def drawn(n: int = 300, width: int = 12, labels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    own = np.arange(n) % labels
    features = rng.normal(size=(labels, width))[own] + 0.5 * rng.normal(size=(n, width)) + 3
    return features.astype(np.float32), own


@pytest.fixture
def reduced(monkeypatch) -> OodExamples:
    """Make examples that were reduced to principal components, in blocks of 64 rows."""
    monkeypatch.setattr(principal_components, "LEAST_IMAGES", 100)
    monkeypatch.setattr(principal_components, "BLOCK_ROWS", 64)
    monkeypatch.setattr(linear, "BLOCK_ROWS", 64)
    features, own = drawn()
    values, components = reduce_features(features, np.ones(300, bool))
    return OodExamples(values, own, np.abs(features), components=components)


def test_results_side_by_side_are_in_the_order_of_the_items():
    assert list(side_by_side(lambda item: item * 2, range(50), threads=4)) == list(range(0, 100, 2))


def test_features_of_few_images_stay_as_they_are():
    features, _ = drawn()
    assert not has_many_images(5000, 12)
    assert not has_many_images(6000, 6144)
    assert has_many_images(6145, 6144)
    found, components = reduce_features(features, np.ones(300, bool))
    assert found is features
    assert components is None


def test_moments_in_blocks_are_those_of_the_learnt_rows(monkeypatch):
    monkeypatch.setattr(principal_components, "BLOCK_ROWS", 64)
    features, _ = drawn()
    learnt = np.arange(300) % 3 > 0
    mean, covariance = moments(features, learnt)
    assert mean == pytest.approx(features[learnt].mean(axis=0), abs=1e-5)
    assert covariance == pytest.approx(np.cov(features[learnt], rowvar=False, bias=True), abs=1e-4)


def test_all_components_keep_the_products_of_standardised_rows(reduced):
    features, _ = drawn()
    standard = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)
    assert reduced.features @ reduced.features.T == pytest.approx(standard @ standard.T, abs=1e-3)


def test_fewer_components_hold_most_of_the_variance():
    features, _ = drawn()
    components = fit_components(features, np.ones(300, bool), most=8)
    assert components.projection.shape == (12, 8)
    assert 0.8 < components.share < 1


def test_loss_in_blocks_is_the_loss_of_all_rows(reduced):
    rows = np.column_stack([reduced.features, np.ones(300, np.float32)])
    weights = np.random.default_rng(1).normal(size=(13, 6))
    value, gradient = linear._loss_in_blocks(rows, reduced.labels, 0.01)(weights)
    expected, slope = linear._loss(rows.astype(float), reduced.labels, 0.01)(weights)
    assert value == pytest.approx(expected, rel=1e-6)
    assert gradient == pytest.approx(slope, abs=1e-5)


def test_composed_head_answers_as_the_head_on_components(reduced):
    features, _ = drawn()
    first, second = fit_heads(reduced, 6, [0.1, 0.01])
    (alone,) = fit_heads(reduced, 6, [0.01])
    assert second.kernel == pytest.approx(alone.kernel, abs=5e-3)
    assert np.abs(first.kernel).sum() < np.abs(second.kernel).sum()
    assert reduced.components is not None
    weights = reduced.components.compose_head(fold_standardisation(second))
    logits = features @ weights[:-1] + weights[-1]
    assert logits == pytest.approx(second.logits(reduced.features), abs=1e-3)
    assert (logits.argmax(axis=1) == reduced.labels).mean() > 0.9


def test_composed_whitening_maps_features_as_that_of_components(reduced):
    features, _ = drawn()
    whitening = fit_whitening(reduced, 0.5)
    assert isinstance(reduced.components, Components)
    composed = reduced.components.compose_whitening(whitening)
    assert composed.embed(features) == pytest.approx(whitening.embed(reduced.features), abs=1e-4)


def test_at_most_20_labels_are_left_out_evenly():
    assert left_out_labels(1000, 1000)[:3] == [25, 75, 125]
    assert len(left_out_labels(1000, 1000)) == len(left_out_labels(5, 1000)) == 20
    assert left_out_labels(20, 20) == list(range(20))


def test_labels_of_many_images_are_left_out_together_in_as_many_models_as_folds(reduced, monkeypatch):
    groups = (np.arange(300) // 2).astype(str)
    fold = np.repeat(np.random.default_rng(2).permutation(150) % 3, 2)
    asked, fit_and_predict = [], ood_calibration.predict_held_out

    def watch(taught, examples, rows, method):
        learnt = {row for row in range(300) if (taught.features == examples.features[row]).all(axis=1).any()}
        asked.append((learnt, rows))
        return fit_and_predict(taught, examples, rows, method)

    monkeypatch.setattr(ood_calibration, "predict_held_out", watch)
    method = Method(6, 6, partial(fit_heads, l2=[0.01]), SETTINGS.train)
    left = leave_one_query_out(reduced, fold, np.ones(300, bool), groups, method)
    assert len(asked) == 3
    for learnt, rows in asked:
        assert not set(groups[sorted(learnt)]) & set(groups[rows])
    assert [one.label for one in left] == list(range(6))
    for one in left:
        assert one.label in one.without
        assert sorted(one.held_out.rows) == np.flatnonzero(reduced.labels == one.label).tolist()
        assert one.held_out.logits.shape == (50, 6 - len(one.without))


def test_selection_of_many_images_fits_only_the_weight_decay_that_was_compared(reduced):
    names, place = [f"class {i}" for i in range(6)], np.arange(300)
    compared = pd.DataFrame({"l2": [0.1, 0.01], "log_loss": [0.5, 0.4], "accuracy": [0.9, 0.9]})
    images = Images(reduced, place // 6 % 3, np.ones(300, bool), place.astype(str))
    recipe = list_recipes(SETTINGS.embed)[0]
    found = select(images, 6, names, recipe, SETTINGS, 1, compared)
    assert found.l2 == 0.01
    assert found.by_l2 is compared
    assert found.metrics["accuracy"]["value"] > 0.9
    assert found.metrics["folds"] == {"used": 3, "of": SETTINGS.train.folds}
    assert set(found.metrics["ood"]["left_out"]) == set(names)


def test_few_folds_are_used_for_many_images_or_labels():
    assert fold_count(20_000, 100, 10) == 10
    assert fold_count(20_001, 10, 10) == fold_count(20_000, 101, 10) == 3
    assert fold_count(30_000, 10, 2) == 2


def test_decisions_are_fitted_to_an_even_sample_of_many_predictions():
    parts = [
        HeldOut(np.arange(n), np.zeros((n, 2), np.float32), np.zeros((n, 5))) for n in (30_000, 20_000, 10)
    ]
    assert thin_out(parts[2:]) is not None
    assert [len(part.rows) for part in thin_out(parts)] == [10_000, 6_667, 4]
    assert len(thin_out(parts[2:])[0].rows) == 10


def test_recipes_are_compared_on_whole_groups_of_a_sample():
    rows = pd.DataFrame({"duplicate_group": [str(i // 3) for i in range(3000)]})
    part = sample_rows(rows, 1000)
    assert 900 < len(part) <= 1000
    assert (part.groupby("duplicate_group").size() == 3).all()
    assert sample_rows(rows, 3000) is rows


def test_scores_compare_with_a_bounded_sample_of_each_label():
    labels = np.arange(50_000) % 1000
    sample = sample_gallery(labels, 1000, 5)
    assert (np.bincount(labels[sample]) == 20).all()
    few = np.arange(100_000) % 20
    assert len(sample_gallery(few, 20, 5)) == MOST_COMPARED
    assert sample_gallery(labels[:MOST_COMPARED], 1000, 5).tolist() == list(range(MOST_COMPARED))


def test_examples_keep_their_components_when_they_are_selected(reduced):
    part = reduced.select(np.arange(10)).relabel(np.zeros(10, int))
    assert part.components is reduced.components
    assert isinstance(part, OodExamples)
    assert Examples(part.features, part.labels).components is None


def test_long_rows_in_half_precision_get_length_1():
    rows = np.full((1, 2048), 10, np.float16)
    assert unit(rows)[0] == pytest.approx(np.full(2048, 2048**-0.5), rel=1e-3)
