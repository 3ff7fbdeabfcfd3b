from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from herodex.lineage.cards import classifier_card, format_counts, generator_card
from herodex.params import Params, load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


def estimate(value: float, n: int = 20) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": n}


def lineage(metrics: dict[str, dict[str, float]], **data: Any) -> dict[str, Any]:
    numbers = {"found": 9, "used": 7, "by_part": {"test": 2, "train": 5}, "set_aside": {"blurry": 2}}
    places = {"by_source": {"commons": 7}, "by_host": {"a.org": 7}, "by_license": {"CC BY-NC 4.0": 7}}
    places["learnt_by_class"] = {"tea": 90, "cocoa": 90}
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
def test_card_lists_model_data_and_metrics_with_intervals(card):
    text = card(lineage({"accuracy": estimate(0.9)}), PARAMS)
    assert "Model `abc123`, made by 2 stages" in text
    assert "2 test, 5 train" in text
    assert "| accuracy | 0.900 | 0.800 – 1.000 | 20 |" in text
    for section in ("Intended use", "Data", "Metrics", "Limits", "Licences"):
        assert f"\n## {section}\n" in text


def test_only_classes_with_low_recall_are_listed_among_the_limits():
    text = classifier_card(lineage({"recall.tea": estimate(0.6), "recall.cocoa": estimate(0.95)}), PARAMS)
    limits = text.partition("## Limits")[2]
    assert "The recall of 'tea' is only 0.60 [0.50, 0.70]." in limits
    assert "cocoa" not in limits


def with_display_names(**display_names: str) -> Params:
    page = PARAMS.page.model_copy(update={"display_names": display_names})
    return PARAMS.model_copy(update={"classes": ["tea", "cocoa"], "distractors": ["mate"], "page": page})


def test_card_shows_display_names_as_plain_text():
    params = with_display_names(tea="Tea | <b>*green*</b>", mate="Maté")
    low = {"recall.tea": estimate(0.6)}
    text = classifier_card(lineage(low, learnt_by_class={"tea": 7, "cocoa": 90}), params)
    escaped = r"Tea \| \<b\>\*green\*\</b\>"
    assert f"Classify one image as one of: {escaped}, cocoa; or" in text
    assert "trained with images of:\nMaté." in text
    assert f"The recall of '{escaped}' is only 0.60" in text
    assert f"Fewer than 20 images to learn from: '{escaped}' (7)." in text
    assert "| recall.tea |" in text
    rendered = MarkdownIt("js-default").render(text)
    assert "one of: Tea | &lt;b&gt;*green*&lt;/b&gt;, cocoa; or" in rendered


def test_metrics_of_classes_with_dots_and_bars_are_rows_of_the_table():
    text = classifier_card(
        lineage({"recall.Dr. St. John": estimate(0.9), "recall.a|b": estimate(0.9)}), PARAMS
    )
    assert "| recall.Dr. St. John | 0.900 |" in text
    assert r"| recall.a\|b | 0.900 |" in text


def test_small_classes_are_listed_among_the_limits():
    text = classifier_card(lineage({}, learnt_by_class={"tea": 90, "cocoa": 4}), PARAMS)
    limits = text.partition("## Limits")[2]
    assert "- Fewer than 20 images to learn from: 'cocoa' (4)." in limits
    assert "- Less than a tenth of the images of 'tea' (90): 'cocoa' (4)." in limits


def test_deeply_nested_metrics_are_left_out():
    text = classifier_card(
        lineage({"recall.tea": estimate(0.9), "slices.source.demo": estimate(0.8)}), PARAMS
    )
    assert "| recall.tea |" in text
    assert "slices.source.demo" not in text


def test_card_counts_licences_and_dropped_images():
    text = classifier_card(lineage({}), PARAMS)
    assert "| licence | n |\n|---|---:|\n| CC BY-NC 4.0 | 7 |\n" in text
    assert "Set aside: 2 blurry." in text
    assert "Set aside: none." in classifier_card(lineage({}, set_aside={}), PARAMS)


def test_card_lists_the_distractors():
    assert "trained with images of:\nnothing." in classifier_card(lineage({}), without_distractors())
    assert f"trained with images of:\n{', '.join(PARAMS.distractors)}." in classifier_card(
        lineage({}), PARAMS
    )


def test_counts_are_formatted_in_one_line():
    assert format_counts({"train": 488, "test": 147}) == "488 train, 147 test"
