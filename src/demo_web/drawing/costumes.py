"""The subjects' costumes: a table for known heroes, invented ones for all other queries."""

import random
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict

from demo_web.drawing.colours import Rgb, from_hex
from demo_web.drawing.emblems import EmblemName
from demo_web.drawing.pose import BuildName, PoseName

_TABLE = Path(__file__).parent / "costumes.yaml"

Mask = Literal["none", "cowl", "full", "helmet", "domino"]
Eyes = Literal["open", "white", "large", "slits"]
Ears = Literal["none", "points", "cat", "wings", "bolts", "horns", "fins"]
Hair = Literal["none", "short", "curl", "shaggy", "long"]
Pattern = Literal["none", "web", "stripes", "plates", "seams"]


class Costume(BaseModel):
    """A subject's costume and build.

    `colours` is the palette; it always contains "skin". Parts, and fields that end in `colour`, `mark` or
    `field`, name one of its entries; None means that the costume lacks the part. Lengths are shares of a limb
    or in figure units (pose.py).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    colours: dict[str, str]
    alternates: list[dict[str, str]] = []
    build: BuildName
    poses: list[PoseName]

    chest: str
    arms: str
    legs: str
    panels: str | None = None
    gloves: str | None = None
    glove_length: float = 0.6
    hands: str = "skin"
    boots: str | None = None
    trunks: str | None = None
    skirt: str | None = None
    cut: Literal["full", "strapless"] = "full"
    trousers: Literal["whole", "torn"] = "whole"
    belt: str | None = None
    belt_style: Literal["plain", "pouches", "buckle", "zigzag"] = "plain"
    belt_buckle: str | None = None
    pattern: Pattern = "none"
    pattern_colour: str | None = None
    second_pattern_colour: str | None = None
    cape: str | None = None
    cape_hem: Literal["straight", "scalloped"] = "straight"

    emblem: EmblemName | None = None
    emblem_mark: str | None = None
    emblem_field: str | None = None
    emblem_size: float = 0.5
    emblem_height: float = -1.62

    mask: Mask = "none"
    mask_colour: str | None = None
    face_colour: str | None = None
    eyes: Eyes = "open"
    eyes_colour: str | None = None
    ears: Ears = "none"
    ears_colour: str | None = None
    brow: Literal["none", "letter", "tiara"] = "none"
    brow_colour: str | None = None
    hair: Hair = "none"
    hair_colour: str | None = None
    scowl: bool = False

    prop: Literal["none", "shield", "lasso"] = "none"
    prop_colours: list[str] = []

    def palettes(self) -> list[dict[str, Rgb]]:
        """Return the costume's palettes: the usual one first, then each alternate."""
        return [
            {name: from_hex(colour) for name, colour in (self.colours | other).items()}
            for other in ({}, *self.alternates)
        ]


def costume_of(subject: str) -> Costume:
    """Return a subject's costume, which is always the same."""
    return _known_costumes().get(subject) or invent_costume(subject)


def invent_costume(subject: str) -> Costume:
    """Invent a costume that depends on the subject alone."""
    rng = random.Random(f"costume/{subject}")
    colours = {name: _vivid(rng) for name in ("main", "second", "third")}
    colours |= {
        "skin": rng.choice(["#f1c9a8", "#d9a57c", "#a8714a", "#6f4630", "#7fa86b", "#8fa3c9"]),
        "hair": rng.choice(["#1d1a20", "#5a3420", "#b8893f", "#a33a1d", "#8d9096"]),
    }
    mask = rng.choice(get_args(Mask))
    bare_head = mask in {"none", "domino"}

    def perhaps(part: str, chance: float) -> str | None:
        return part if rng.random() < chance else None

    return Costume(
        colours=colours,
        alternates=[{name: _vivid(rng) for name in ("main", "second", "third")} for _ in range(3)],
        build=rng.choice(get_args(BuildName)),
        poses=rng.sample(get_args(PoseName), 5),
        chest="main",
        arms=rng.choice(["main", "second", "skin"]),
        legs=rng.choice(["main", "second"]),
        panels=perhaps("second", 0.3),
        gloves=(gloves := perhaps("third", 0.6)),
        hands=gloves or "skin",
        boots=perhaps("third", 0.7),
        trunks=perhaps("third", 0.4),
        belt=perhaps("second", 0.7),
        belt_style=rng.choice(["plain", "pouches", "buckle", "zigzag"]),
        pattern=rng.choice(get_args(Pattern)),
        pattern_colour="third",
        second_pattern_colour="second",
        cape=perhaps("second", 0.5),
        cape_hem=rng.choice(["straight", "scalloped"]),
        emblem=rng.choice(get_args(EmblemName)),
        emblem_mark="second",
        emblem_field="third",
        emblem_size=rng.uniform(0.4, 0.58),
        mask=mask,
        mask_colour=rng.choice(["main", "third"]),
        face_colour="third",
        eyes="open" if bare_head else rng.choice(["white", "large", "slits"]),
        ears=rng.choice(get_args(Ears)),
        ears_colour="second",
        hair=rng.choice(["short", "curl", "shaggy", "long"]) if bare_head else "none",
        hair_colour="hair",
    )


@cache
def _known_costumes() -> MappingProxyType[str, Costume]:
    table = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return MappingProxyType({name: Costume.model_validate(fields) for name, fields in table.items()})


def _vivid(rng: random.Random) -> str:
    return "#" + rng.randbytes(3).hex()
