"""Costumes and drawings of the demo web."""

import random

import pytest
import yaml

from demo_web.drawing import costumes
from demo_web.drawing.costumes import costume_of, invent_costume
from demo_web.drawing.draw import cut_out, draw

KNOWN = sorted(yaml.safe_load(costumes._TABLE.read_text(encoding="utf-8")))


def test_ten_heroes_have_different_costumes() -> None:
    assert len(KNOWN) == 10
    assert len({costume_of(name).model_dump_json() for name in KNOWN}) == 10


@pytest.mark.parametrize("name", KNOWN)
def test_known_costume_has_all_colours_in_every_palette(name: str) -> None:
    costume = costume_of(name)
    named = {
        value
        for field, value in costume.model_dump().items()
        if value is not None
        and (
            field
            in {
                "chest",
                "arms",
                "legs",
                "hands",
                "panels",
                "gloves",
                "boots",
                "trunks",
                "skirt",
                "belt",
                "cape",
            }
            or field.endswith(("colour", "mark", "field", "buckle"))
        )
    } | {"skin", *costume.prop_colours}
    palettes = costume.palettes()
    assert len(palettes) >= 3
    for palette in palettes:
        assert named <= set(palette)
        assert set(palette) == set(costume.colours)


@pytest.mark.parametrize("name", KNOWN)
def test_seeds_vary_the_drawings_of_a_hero(name: str) -> None:
    images = {draw(name, str(number)).tobytes() for number in range(6)}
    assert len(images) == 6


def test_unknown_query_has_its_own_stable_costume() -> None:
    queries = [f"thing-{number}" for number in range(50)]
    invented = [invent_costume(query) for query in queries]
    assert len({costume.model_dump_json() for costume in invented}) == 50
    assert [costume_of(query) for query in queries] == invented


@pytest.mark.parametrize("number", range(60))
def test_invented_costumes_can_be_drawn(number: int) -> None:
    image = draw(f"thing-{number}", str(number))
    assert image.mode == "RGB"
    assert len(image.getcolors(image.width * image.height) or []) > 2


def test_drawing_depends_on_subject_and_seed_only() -> None:
    random.seed(1)
    first = draw("fox", "a").tobytes()
    random.seed(2)
    draw("owl", "b")
    assert draw("fox", "a").tobytes() == first
    assert draw("fox", "b").tobytes() != first
    assert draw("owl", "a").tobytes() != first


def test_cut_out_figure_covers_part_of_the_image() -> None:
    for number in range(20):
        alpha = cut_out("fox", str(number)).getchannel("A")
        histogram = alpha.histogram()
        assert 0.03 < histogram[255] / (alpha.width * alpha.height) < 0.98
