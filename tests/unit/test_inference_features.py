from pathlib import Path

import numpy as np
import pytest
from tiny_service import write_classifier

from herodex.inference.explain import GRID, evidence_maps, heat_map
from herodex.inference.features import channels_of, embed, feature_maps, features_of, load_embedder, pool
from herodex.params import EmbedParams

SETTINGS = EmbedParams(input_size=64, views=["middle"], mirror=False, stages=[5], pooling="avg", batch_size=2)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory) -> Path:
    """A backbone whose features are mean colours of 32 x 32 patches."""
    folder = tmp_path_factory.mktemp("models")
    write_classifier(folder)
    return folder / "backbone"


def striped() -> np.ndarray:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :32] = 100
    return image


@pytest.mark.parametrize(("pooling", "expected"), [("avg", [50]), ("max", [100]), ("both", [100, 50])])
def test_pooling_covers_the_whole_feature_map(backbone, pooling, expected):
    settings = SETTINGS.model_copy(update={"pooling": pooling})
    (features,) = embed(load_embedder(backbone, "f32", settings), [striped()])
    assert features.dtype == np.float32
    assert features == pytest.approx(np.repeat(expected, 3), abs=1)


def test_features_are_averaged_over_views(backbone):
    settings = SETTINGS.model_copy(update={"views": ["start", "whole"], "stages": [4, 5]})
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, :64] = 100
    (features,) = embed(load_embedder(backbone, "f32", settings), [image])
    assert features == pytest.approx(np.full(6, 75), abs=2)


def test_mirrored_views_make_features_invariant_to_mirroring(backbone):
    settings = SETTINGS.model_copy(update={"mirror": True, "pooling": "max"})
    embedder = load_embedder(backbone, "f32", settings)
    images = [striped(), np.ascontiguousarray(striped()[:, ::-1])]
    one, other = embed(embedder, images)
    assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("pooling", ["max", "avg", "both"])
def test_evidence_maps_add_up_to_the_logit(backbone, pooling):
    settings = SETTINGS.model_copy(update={"pooling": pooling, "mirror": True, "stages": [4, 5]})
    embedder = load_embedder(backbone, "f32", settings)
    image = np.random.default_rng(3).integers(0, 256, (80, 90, 3), np.uint8)
    with feature_maps(embedder, [image], embedder.views) as maps:
        (features,) = features_of(settings, pool(maps), channels_of(maps))
        weights = np.random.default_rng(4).normal(size=len(features)).astype(np.float32)
        added = sum(part.sum() for part in evidence_maps([stage[0] for stage in maps], embedder, weights))
    assert added == pytest.approx(float(features @ weights), rel=1e-4)


def test_heat_map_aligns_stages_at_a_16th_and_a_32nd_of_the_input(backbone):
    settings = SETTINGS.model_copy(update={"pooling": "max", "stages": [4, 5]})
    embedder = load_embedder(backbone, "f32", settings)
    maps = [np.zeros((1, 14, 14, 2), np.float32), np.zeros((1, 7, 7, 3), np.float32)]
    maps[0][0, 2:4, 10:12] = 1
    maps[1][0, 1, 5] = 1
    grid = np.array(heat_map(maps, embedder, np.ones(5, np.float32), "a", (448, 448)).grid)
    assert grid.shape == (GRID, GRID)
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    assert (row // 4, column // 4) == (1, 5)
    # Interpolation blurs by half a place of the coarser map.
    assert grid[10:].max() == grid[:, :18].max() == 0
