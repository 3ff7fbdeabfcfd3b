import pandas as pd

from herodex.params import UNKNOWN, load_params
from herodex.review.board import build_board, explain_images, select_images

PARAMS = load_params()
CAT, DOG = PARAMS.classes[:2]
COLUMNS = (
    "query",
    "sha256",
    "kept",
    "dropped_for",
    "score",
    "label_quality",
    "duplicate_of",
    "decided_by",
    "phash",
)


def table(*rows: tuple[str, ...]) -> pd.DataFrame:
    manifest = pd.DataFrame(rows, columns=COLUMNS)
    rest = dict.fromkeys(("title", "author", "license", "looks_like"), "x")
    return manifest.assign(label=CAT, page_url="javascript:alert(1)", width="9", height="9", **rest)


ROWS = table(
    (CAT, "fine", "1", "", "", "0.9", "", "", "p"),
    (CAT, "suspect", "1", "", "", "0.2", "", "", "p"),
    (CAT, "blurry", "0", "blurry", "0.4", "0.9", "", "", "p"),
    (CAT, "wrong", "0", "label_error", "0.01", "0.01", "", "", "p"),
    (CAT, "broken", "0", "unreadable", "", "", "", "", ""),
    (CAT, "fine", "0", "exact_duplicate", "0.0", "", "fine", "", "p"),
    (CAT, "decided", "1", "", "", "0.9", "", "person", "p"),
)


def test_dropped_suspect_and_decided_images_are_shown_worst_first():
    shown = select_images(ROWS)
    assert list(shown["sha256"]) == ["wrong", "suspect", "blurry", "decided"]
    assert list(shown["shown_reason"]) == ["label_error", "low_label_quality", "blurry", "kept"]


def test_image_whose_own_label_is_the_most_probable_one_has_no_finding():
    among_many = table(
        (CAT, "right", "1", "", "", "0.03", "", "", "p"), ("fox", "far", "1", "", "", "0.03", "", "", "p")
    )
    explained = explain_images(among_many.assign(label=[CAT, UNKNOWN], looks_like=[CAT, "fox"]))
    assert list(explained["shown_reason"]) == ["no_finding", "no_finding"]
    assert (
        list(explain_images(among_many.assign(looks_like=DOG))["shown_reason"]) == ["low_label_quality"] * 2
    )


def test_board_lists_every_query_in_order_and_every_label():
    board = build_board(ROWS, PARAMS)
    assert [query["name"] for query in board["queries"]] == PARAMS.classes + PARAMS.distractors
    assert board["labels"] == [*PARAMS.classes, UNKNOWN]
    assert board["queries"][0]["kept"] == 3
    assert len(board["queries"][0]["images"]) == 4


def test_only_web_addresses_become_links():
    image = build_board(ROWS, PARAMS)["queries"][0]["images"][0]
    assert image["page_url"] == ""
    with_page = ROWS.assign(page_url="https://example.org/a")
    assert build_board(with_page, PARAMS)["queries"][0]["images"][0]["page_url"] == "https://example.org/a"


def test_kept_image_of_a_pair_is_named():
    pair = table(
        (CAT, "kept", "1", "", "", "0.9", "", "", "p"),
        (CAT, "copy", "0", "near_duplicate", "0.1", "0.9", "kept", "", "p"),
        (DOG, "lost", "0", "near_duplicate", "0.2", "0.9", "missing", "", "p"),
    ).assign(title=["Tea at five", "x", "x"])
    (image,), (lost,) = (query["images"] for query in build_board(pair, PARAMS)["queries"][:2])
    assert image["original"] == {
        "sha256": "kept",
        "query": CAT,
        "label": CAT,
        "kept": True,
        "size": "9 × 9",
        "title": "Tea at five",
        "page_url": "",
    }
    assert lost["original"] is None


def test_image_without_finding_is_explained_but_not_on_the_board():
    explained = explain_images(ROWS).set_index("sha256")["shown_reason"]
    assert explained["fine"] == "no_finding"
    assert len(explained) == 5


def test_source_is_shown_if_the_crawl_recorded_it():
    image = build_board(ROWS.assign(source="demo"), PARAMS)["queries"][0]["images"][0]
    assert image["source"] == "demo"
