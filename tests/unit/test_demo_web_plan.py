"""The plan of the demo web: what is behind each result."""

from collections import Counter
from pathlib import Path

import pytest
from demo_web_params import ONE_OF_EACH, QUERIES, demo_params, folder_params
from hypothesis import given
from hypothesis import strategies as st

from demo_web.faults import COPIES, Kind, Outcome, allot
from demo_web.truth import PlannedImage, plan_web
from herodex.errors import UserError
from herodex.params import DemoWebShares

PLAN = plan_web(demo_params(results=50, shares=ONE_OF_EACH))


def of_kind(*kinds: Kind) -> list[PlannedImage]:
    chosen = [image for image in PLAN if image.kind in kinds]
    assert chosen
    return chosen


def test_each_kind_comes_within_one_of_its_share() -> None:
    params = demo_params(results=120)
    counts, total = Counter(image.kind for image in plan_web(params)), 120 * len(QUERIES)
    for kind, share in params.demo_web.shares.model_dump().items():
        assert abs(counts[Kind(kind)] - share * total) <= 1


def test_the_shares_name_every_kind_but_the_sound_one() -> None:
    assert set(DemoWebShares.model_fields) == set(Kind) - {Kind.SOUND}


@given(
    share=st.floats(0, 0.9 / len(COPIES)),
    results=st.integers(1, 60),
    query=st.integers(0, 20),
)
def test_no_search_has_copies_without_an_original(share: float, results: int, query: int) -> None:
    kinds = allot(dict.fromkeys(sorted(COPIES), share), results, query)
    assert len(kinds) == results
    assert Kind.SOUND in kinds


def test_results_are_ranked_query_by_query_in_the_order_of_the_parameters() -> None:
    expected = [(query, rank) for query in QUERIES for rank in range(1, 51)]
    assert [(image.query, image.rank) for image in PLAN] == expected


def test_a_search_has_as_many_results_as_a_crawl_asks_for() -> None:
    params = demo_params(results=70)
    crawl = params.crawl.model_copy(
        update={"images": params.crawl.images.model_copy(update={"per_query": 90})}
    )
    plan = plan_web(params.model_copy(update={"crawl": crawl}))
    assert Counter(image.query for image in plan) == dict.fromkeys(QUERIES, 90)


def test_copies_have_a_sound_original_of_the_same_query() -> None:
    sound = {image.id: image for image in of_kind(Kind.SOUND)}
    for copy in of_kind(*COPIES):
        assert sound[copy.original].query == copy.query
        assert sound[copy.original].image_url != copy.image_url


def test_a_shared_result_is_a_sound_one_of_another_query() -> None:
    sound = {image.image_url: image for image in of_kind(Kind.SOUND)}
    for shared in of_kind(Kind.SHARED):
        other = sound[shared.image_url]
        assert other.query != shared.query
        assert (shared.original, shared.subject) == (other.id, other.query)


def test_somebody_else_is_somebody_that_another_query_asks_for() -> None:
    for image in of_kind(Kind.WRONG_SUBJECT):
        assert image.subject in set(QUERIES) - {image.query}


def test_all_but_shared_results_have_urls_of_their_own() -> None:
    owned = [image for image in PLAN if image.kind is not Kind.SHARED]
    assert len({image.image_url for image in owned}) == len(owned)
    assert len({image.page_url for image in owned}) == len(owned)


def test_what_robots_may_not_fetch_lies_in_the_private_part_and_nothing_else_does() -> None:
    for image in PLAN:
        assert ("/private/" in image.image_url) == (image.kind is Kind.DISALLOWED)
        assert (image.outcome is Outcome.DISALLOWED) == (image.kind is Kind.DISALLOWED)


def test_urls_and_credits_do_not_give_the_truth_away() -> None:
    # A WebP file may be called one; it is so everywhere.
    telling = {*QUERIES, *Kind} - {Kind.WEBP}
    for image in PLAN:
        shown = f"{image.image_url} {image.page_url} {image.credit}".lower()
        words = set(shown.replace("/", " ").replace(".", " ").replace("'", " ").split())
        assert not words & telling


def test_another_seed_plans_another_web() -> None:
    urls, others = ({image.image_url for image in plan_web(demo_params(seed=seed))} for seed in (7, 8))
    assert not urls & others


def test_a_folder_is_planned_in_the_order_of_its_file_names(tmp_path: Path) -> None:
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


def test_a_missing_folder_is_the_users_to_put_right(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"crawl\.web in params\.yaml is .*gone"):
        plan_web(folder_params(tmp_path / "gone"))
