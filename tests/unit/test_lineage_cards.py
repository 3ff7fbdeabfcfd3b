from pathlib import Path
from typing import Any

import pytest

from herodex.lineage.cards import classifier_card, counts, generator_card
from herodex.params import Params, load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


def figure(value: float, n: int = 20) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": n}


def described(metrics: dict[str, dict[str, float]], **data: Any) -> dict[str, Any]:
    numbers = {"found": 9, "used": 7, "by_part": {"test": 2, "train": 5}, "set_aside": {"blurry": 2}}
    places = {"by_source": {"commons": 7}, "by_host": {"a.org": 7}, "by_license": {"CC BY-NC 4.0": 7}}
    backbone = {"name": "ResNet50", "weights": "ImageNet", "source": "npm nets@1"}
    return {
        "model": "abc123",
        "backbone": backbone,
        "data": numbers | places | data,
        "metrics": metrics,
        "stages": {"clean": {}, "train": {}},
    }


def without_distractors() -> Params:
    return PARAMS.model_copy(update={"distractors": []})


@pytest.mark.parametrize("card", [classifier_card, generator_card])
def test_a_card_names_its_model_its_data_and_its_figures_with_intervals(card):
    text = card(described({"accuracy": figure(0.9)}), PARAMS)
    assert "Model `abc123`, made by 2 stages" in text
    assert "2 test, 5 train" in text
    assert "| accuracy | 0.900 | 0.800 – 1.000 | 20 |" in text
    for section in ("Intended use", "Data", "Figures", "Limits", "Licences"):
        assert f"\n## {section}\n" in text


def test_a_class_that_is_often_missed_is_named_among_the_limits_and_others_are_not():
    text = classifier_card(described({"recall.tea": figure(0.6), "recall.cocoa": figure(0.95)}), PARAMS)
    limits = text.partition("## Limits")[2]
    assert "`tea` is recognised in 0.60 [0.50, 0.70] of its images" in limits
    assert "cocoa" not in limits


def test_figures_of_single_parts_are_left_to_the_report():
    text = classifier_card(described({"recall.tea": figure(0.9), "slices.source.demo": figure(0.8)}), PARAMS)
    assert "| recall.tea |" in text
    assert "slices.source.demo" not in text


def test_a_card_tells_the_licenses_of_the_images_and_what_was_set_aside():
    text = classifier_card(described({}), PARAMS)
    assert "| licence | n |\n|---|---:|\n| CC BY-NC 4.0 | 7 |\n" in text
    assert "Set aside: 2 blurry." in text
    assert "Set aside: none." in classifier_card(described({}, set_aside={}), PARAMS)


def test_a_classifier_without_distractors_says_that_it_learnt_no_others():
    assert "from images of nothing." in classifier_card(described({}), without_distractors())
    assert f"from images of {', '.join(PARAMS.distractors)}." in classifier_card(described({}), PARAMS)


def test_counts_read_as_a_list():
    assert counts({"train": 488, "test": 147}) == "488 train, 147 test"
