"""The demo web's plan: the ground truth of each result."""

from collections import Counter
from pathlib import Path

import pytest
from demo_web_params import ONE_OF_EACH, QUERIES, demo_params, folder_params
from hypothesis import given
from hypothesis import strategies as st

from demo_web.faults import DUPLICATES, Kind, Outcome, allot
from demo_web.truth import PlannedImage, plan_web
from herodex.errors import UserError
from herodex.params import DemoWebShares

PLAN = plan_web(demo_params(results=50, shares=ONE_OF_EACH))


def of_kind(*kinds: Kind) -> list[PlannedImage]:
    chosen = [image for image in PLAN if image.kind in kinds]
    assert chosen
    return chosen


def test_count_of_each_kind_is_within_one_of_its_share() -> None:
    params = demo_params(results=120)
    counts, total = Counter(image.kind for image in plan_web(params)), 120 * len(QUERIES)
    for kind, share in params.demo_web.shares.model_dump().items():
        assert abs(counts[Kind(kind)] - share * total) <= 1


def test_shares_cover_every_kind_except_sound() -> None:
    assert set(DemoWebShares.model_fields) == set(Kind) - {Kind.SOUND}


@given(
    share=st.floats(0, 0.9 / len(DUPLICATES)),
    results=st.integers(1, 60),
    query=st.integers(0, 20),
)
def test_search_with_duplicates_has_an_original(share: float, results: int, query: int) -> None:
    kinds = allot(dict.fromkeys(sorted(DUPLICATES), share), results, query)
    assert len(kinds) == results
    assert Kind.SOUND in kinds


def test_results_are_ordered_by_query_and_rank() -> None:
    expected = [(query, rank) for query in QUERIES for rank in range(1, 51)]
    assert [(image.query, image.rank) for image in PLAN] == expected


def test_search_has_at_least_per_query_results() -> None:
    params = demo_params(results=70)
    crawl = params.crawl.model_copy(
        update={"images": params.crawl.images.model_copy(update={"per_query": 90})}
    )
    plan = plan_web(params.model_copy(update={"crawl": crawl}))
    assert Counter(image.query for image in plan) == dict.fromkeys(QUERIES, 90)


def test_duplicates_have_a_sound_original_of_the_same_query() -> None:
    sound = {image.id: image for image in of_kind(Kind.SOUND)}
    for duplicate in of_kind(*DUPLICATES):
        assert sound[duplicate.original].query == duplicate.query
        assert sound[duplicate.original].image_url != duplicate.image_url


def test_shared_result_is_a_sound_one_of_another_query() -> None:
    sound = {image.image_url: image for image in of_kind(Kind.SOUND)}
    for shared in of_kind(Kind.SHARED):
        other = sound[shared.image_url]
        assert other.query != shared.query
        assert (shared.original, shared.subject) == (other.id, other.query)


def test_wrong_subject_is_that_of_another_query() -> None:
    for image in of_kind(Kind.WRONG_SUBJECT):
        assert image.subject in set(QUERIES) - {image.query}


def test_all_except_shared_results_have_unique_urls() -> None:
    owned = [image for image in PLAN if image.kind is not Kind.SHARED]
    assert len({image.image_url for image in owned}) == len(owned)
    assert len({image.page_url for image in owned}) == len(owned)


def test_only_disallowed_images_are_under_private() -> None:
    for image in PLAN:
        assert ("/private/" in image.image_url) == (image.kind is Kind.DISALLOWED)
        assert (image.outcome is Outcome.DISALLOWED) == (image.kind is Kind.DISALLOWED)


def test_urls_and_credits_do_not_reveal_the_truth() -> None:
    # WebP files have their usual extension.
    telling = {*QUERIES, *Kind} - {Kind.WEBP}
    for image in PLAN:
        shown = f"{image.image_url} {image.page_url} {image.credit}".lower()
        words = set(shown.replace("/", " ").replace(".", " ").replace("'", " ").split())
        assert not words & telling


def test_other_seed_plans_another_web() -> None:
    urls, others = ({image.image_url for image in plan_web(demo_params(seed=seed))} for seed in (7, 8))
    assert not urls & others


def test_folder_is_planned_in_the_order_of_its_file_names(tmp_path: Path) -> None:
    ant = tmp_path / "ant"
    ant.mkdir()
    for name in ("b.png", "a.jpg", "C.JPG", ".hidden"):
        (ant / name).write_bytes(name.encode())
    (ant / "folder").mkdir()
    (tmp_path / "bee").mkdir()
    plan = plan_web(folder_params(tmp_path))
    assert [(image.query, image.rank, image.file) for image in plan] == [
        ("ant", 1, ant / "C.JPG"),
        ("ant", 2, ant / "a.jpg"),
        ("ant", 3, ant / "b.png"),
    ]
    assert {image.kind for image in plan} == {Kind.SOUND}


def test_missing_folder_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"crawl\.web in params\.yaml is .*missing"):
        plan_web(folder_params(tmp_path / "missing"))
