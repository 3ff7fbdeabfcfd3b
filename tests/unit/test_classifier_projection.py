import numpy as np
import pytest

from herodex.classifier.projection import project, row_space


@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (20, 20)])
def test_products_of_rows_survive_the_projection(shape):
    values = np.random.default_rng(0).normal(size=shape)
    coordinates, basis = row_space(values)
    assert coordinates.shape[1] <= min(shape)
    assert coordinates @ coordinates.T == pytest.approx(values @ values.T, abs=1e-8)
    assert basis.T @ basis == pytest.approx(np.eye(basis.shape[1]), abs=1e-8)
    assert values @ basis == pytest.approx(coordinates, abs=1e-8)


def test_many_rows_cost_no_more_than_their_features():
    values = np.random.default_rng(0).normal(size=(20_000, 4)).astype(np.float32)
    assert project(values).coordinates.shape == (20_000, 4)
