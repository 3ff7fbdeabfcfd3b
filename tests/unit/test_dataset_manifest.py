"""Messages about classes that lost all their images."""

import pandas
import pytest
from demo_web_params import demo_params

from herodex.dataset.manifest import ADVICE, REASONS, require_every_class
from herodex.errors import UserError


def hint_after(dropped_for: list[str]) -> str:
    """Return the hint for a class whose images were all dropped."""
    params = demo_params()
    params = params.model_copy(update={"classes": ["tea"], "distractors": []})
    columns = {"query": "tea", "kept": "0", "dropped_for": dropped_for}
    with pytest.raises(UserError) as caught:
        require_every_class(pandas.DataFrame(columns, index=range(len(dropped_for))), params, "clean_images")
    assert "no image of 'tea' is left" in caught.value.problem
    return caught.value.hint


@pytest.mark.parametrize(
    ("dropped_for", "part"),
    [
        (["not_an_image", "not_an_image", "blurry"], "Convert these files to JPEG or PNG"),
        (["label_conflict"], "keep each image in one folder or search"),
        (["near_duplicate", "near_duplicate"], "differ from each other"),
        (["blurry"], "loosen classifier.clean"),
        (["label_error"], "make review"),
        ([], "Raise crawl.images.per_query"),
    ],
)
def test_hint_follows_from_the_commonest_cause(dropped_for, part):
    assert part in hint_after(dropped_for)


def test_every_reason_has_advice():
    assert set(ADVICE) == set(REASONS)
