"""A run with many classes, on drawn creatures whose label errors and duplicates are known.

`python -m benchmarks.many_classes draw WORK` draws 1,000 classes of 50 images in the folder WORK/images, with
the truth in WORK/truth.csv, and settings for them in WORK/params.yaml: one view, images in shards, and a
fifth for testing. Other numbers may follow WORK. Copy the settings over those of a clone of the project, run
it, and `python -m benchmarks.many_classes score WORK` in the clone compares its outputs with the truth.
"""

import colorsys
import io
import json
import math
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from jaxtyping import Bool
from PIL import Image, ImageDraw, ImageEnhance

from demo_web.duplicates import alter
from demo_web.faults import Kind
from herodex import paths
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.params import UNKNOWN
from herodex.progress import track
from herodex.statistics import proportion

CLASSES, IMAGES = 1000, 50
SIDES = 72, 96
"""Least and largest side of an image, in pixels."""
NEAR = (Kind.REENCODED, Kind.RESIZED, Kind.CROPPED, Kind.MIRRORED, Kind.WATERMARKED)
WRONG, EXACT, SOUND = "wrong label", "exact duplicate", "sound"
WRONG_SHARE, EXACT_SHARE, NEAR_SHARE = 0.04, 0.02, 0.04
"""Shares of the images of a class that show another class, or duplicate an earlier image of it."""
PREDICTIONS = paths.CLASSIFIER_REPORTS / "predictions.csv"
Point = tuple[float, float]
Rgb = tuple[int, int, int]
Marking = tuple[list[Point], bool]
"""A polygon of a pattern, and whether it has the pattern's colour or the body's."""


@dataclass(frozen=True)
class Creature:
    """How a class looks.

    Attributes:
        waves: share and phase of each wave of the outline, from two waves around it.
        hues: of body, pattern and emblem.
        pattern: name of the pattern.
        period: of the pattern, in radii of the body.
        points: of the emblem, a star.
        legs: their number.
    """

    waves: tuple[Point, ...]
    hues: tuple[tuple[float, float, float], ...]
    pattern: str
    period: float
    points: int
    legs: int


def creature(number: int) -> Creature:
    """Draw the look of a class from its number."""
    rng = random.Random(f"class/{number}")
    waves = tuple((rng.uniform(0, 0.5) / wave, rng.uniform(0, math.tau)) for wave in range(2, 6))
    hues = tuple((rng.random(), rng.uniform(0.3, 1), rng.uniform(0.3, 1)) for _ in range(3))
    pattern = rng.choice(list(PATTERNS))
    return Creature(waves, hues, pattern, rng.uniform(0.25, 0.5), rng.randint(3, 8), rng.randint(0, 6))


def draw(number: int, seed: str) -> Image.Image:
    """Draw a creature of a class before a background of its own."""
    rng, look = random.Random(seed), creature(number)
    size = (rng.randint(*SIDES), rng.randint(*SIDES))
    image = _background(size, rng)
    radius = min(size) * rng.uniform(0.2, 0.38)
    x, y = (side * rng.uniform(0.4, 0.6) for side in size)
    angle, squeeze = rng.gauss(0, 0.3), rng.uniform(0.8, 1.25)
    turned = math.cos(angle), math.sin(angle)

    def place(point: Point) -> Point:
        across, down = point[0] * squeeze * radius, point[1] / squeeze * radius
        return x + across * turned[0] - down * turned[1], y + across * turned[1] + down * turned[0]

    shift = rng.gauss(0, 0.02)
    body, marks, emblem = (_rgb(hue + shift, *rest) for hue, *rest in look.hues)
    pen = ImageDraw.Draw(image)
    for leg in range(look.legs):
        towards = math.tau * (leg + 0.5) / look.legs + rng.gauss(0, 0.1)
        reach = (1.5 * math.cos(towards), 1.5 * math.sin(towards))
        pen.line([place((0, 0)), place(reach)], marks, max(2, round(radius / 6)))
    outline = [place(_on_outline(look, math.tau * step / 48)) for step in range(48)]
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon(outline, 255)
    skin = Image.new("RGB", size, body)
    for points, marked in PATTERNS[look.pattern](look.period):
        colour = marks if marked else _rgb(*look.hues[0])
        ImageDraw.Draw(skin).polygon([place(point) for point in points], colour)
    image.paste(skin, mask=mask)
    pen.line([*outline, outline[0]], (20, 20, 20), 1)
    pen.polygon([place(point) for point in _star(look.points)], emblem, (20, 20, 20))
    if rng.random() < 0.3:
        _hide(pen, size, rng)
    return ImageEnhance.Brightness(image).enhance(rng.uniform(0.7, 1.2))


def _rgb(hue: float, saturation: float, value: float) -> Rgb:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _any_colour(rng: random.Random) -> Rgb:
    return _rgb(rng.random(), rng.random(), rng.uniform(0.2, 1))


def _background(size: tuple[int, int], rng: random.Random) -> Image.Image:
    corners = Image.new("RGB", (3, 3))
    corners.putdata([_any_colour(rng) for _ in range(9)])
    image = corners.resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randint(2, 6)):
        left, top = rng.uniform(-0.2, 1) * size[0], rng.uniform(-0.2, 1) * size[1]
        width, height = (rng.uniform(0.1, 0.4) * side for side in size)
        shape = rng.choice([pen.ellipse, pen.rectangle])
        shape((left, top, left + width, top + height), fill=_any_colour(rng))
    return image


def _hide(pen: ImageDraw.ImageDraw, size: tuple[int, int], rng: random.Random) -> None:
    left, width = rng.uniform(0, 0.9) * size[0], rng.uniform(0.08, 0.2) * size[0]
    pen.rectangle((left, 0, left + width, size[1]), fill=_any_colour(rng))


def _on_outline(look: Creature, angle: float) -> Point:
    waves = enumerate(look.waves, 2)
    radius = 1 + sum(share * math.cos(wave * angle + phase) for wave, (share, phase) in waves)
    return radius * math.cos(angle), radius * math.sin(angle)


def _star(points: int) -> list[Point]:
    corners = ((0.4 if corner % 2 else 0.17, math.pi * corner / points) for corner in range(2 * points))
    return [(length * math.sin(angle), length * math.cos(angle)) for length, angle in corners]


def _stripes(period: float) -> Iterator[Marking]:
    for left in _steps(period):
        right = left + period / 2
        yield [(left, -2), (right, -2), (right, 2), (left, 2)], True


def _rings(period: float) -> Iterator[Marking]:
    angles = [math.tau * step / 24 for step in range(24)]
    for radius in reversed(_steps(period)[9:]):
        for size, marked in ((radius, True), (radius - period / 2, False)):
            yield [(size * math.cos(angle), size * math.sin(angle)) for angle in angles], marked


def _dots(period: float) -> Iterator[Marking]:
    size = period / 4
    for across in _steps(period):
        for down in _steps(period):
            corners = [(-size, 0), (0, -size), (size, 0), (0, size)]
            yield [(across + right, down + lower) for right, lower in corners], True


def _rays(period: float) -> Iterator[Marking]:
    count = round(2 / period) + 1
    for ray in range(count):
        angles = [math.tau * (ray + part) / count for part in (0, 0.5)]
        yield [(0, 0), *((2 * math.cos(angle), 2 * math.sin(angle)) for angle in angles)], True


def _steps(period: float) -> list[float]:
    return [period * step for step in range(-8, 9)]


PATTERNS: dict[str, Callable[[float], Iterable[Marking]]] = {
    "plain": lambda _: [],
    "stripes": _stripes,
    "rings": _rings,
    "dots": _dots,
    "rays": _rays,
}


def plan(number: int, classes: int, images: int) -> list[dict[str, str | int]]:
    """Plan the images of a class: `kind`, the class that each shows, and the one that it duplicates."""
    rng = random.Random(f"plan/{number}")
    wrong, exact, near = (round(share * images) for share in (WRONG_SHARE, EXACT_SHARE, NEAR_SHARE))
    own = images - wrong - exact - near
    others = [other for other in range(classes) if other != number]
    rows: list[dict[str, str | int]] = [{"kind": SOUND, "shows": number, "original": i} for i in range(own)]
    rows += [{"kind": WRONG, "shows": rng.choice(others), "original": own + i} for i in range(wrong)]
    kinds = [EXACT] * exact + rng.choices([kind.value for kind in NEAR], k=near)
    originals = rng.sample(range(own), exact + near)
    pairs = zip(kinds, originals, strict=True)
    rows += [{"kind": kind, "shows": number, "original": original} for kind, original in pairs]
    return [{"path": f"{class_name(number)}/{i:03}.jpg", **row} for i, row in enumerate(rows)]


def class_name(number: int) -> str:
    """Return the name of a class."""
    return f"creature {number:04}"


def encode(row: dict[str, str | int], number: int) -> bytes:
    """Draw a planned image of a class and encode it."""
    image = draw(int(row["shows"]), f"image/{number}/{row['original']}")
    same = row["kind"] in {SOUND, WRONG, EXACT}
    rng = random.Random(f"file/{number}/{row['original'] if same else row['path']}")
    if not same:
        image = alter(image, Kind(row["kind"]), rng)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=rng.randint(80, 95) if same else 70)
    return file.getvalue()


def draw_folder(work: Path, classes: int, images: int) -> None:
    """Draw all classes, and write the truth and the settings."""
    rows: list[dict[str, str | int]] = []
    for number in track(range(classes), classes, "draw", "classes"):
        planned = plan(number, classes, images)
        (work / "images" / class_name(number)).mkdir(parents=True)
        for row in planned:
            (work / "images" / str(row["path"])).write_bytes(encode(row, number))
        rows += planned
    pd.DataFrame(rows).to_csv(work / "truth.csv", index=False, lineterminator="\n")
    settings = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    settings |= {"classes": "folder", "distractors": []}
    settings["page"] |= {"thing": "creature"}
    settings["crawl"] |= {"web": str((work / "images").absolute())}
    settings["crawl"]["images"] |= {"sources": ["folder"]}
    settings["storage"] = {"layout": "shards", "shard_images": 2048}
    settings["classifier"]["embed"] |= {"input_size": 96, "views": ["middle"], "mirror": False}
    settings["classifier"]["split"] |= {"test": 0.2}
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
    (work / "params.yaml").write_text(text, encoding="utf-8")


def score(work: Path) -> dict[str, object]:
    """Compare what the run in this folder has dropped, grouped and answered with the truth."""
    truth = pd.read_csv(work / "truth.csv").set_index("path")
    curated = read_manifest(paths.CURATED_IMAGES)
    rows = curated.join(truth, on="image_url")
    by_label = rows["dropped_for"].isin(["label_error", "outlier"]).to_numpy()
    wrong = (rows["kind"] == WRONG).to_numpy()
    keys = rows["query"] + "/" + rows["original"].astype(str)
    copies = ~rows["kind"].isin([SOUND, WRONG]).to_numpy()
    group_of = dict(zip(keys[~copies], rows["duplicate_group"][~copies], strict=True))
    together = (rows["duplicate_group"] == keys.map(group_of)).to_numpy()
    dropped = rows["dropped_for"].isin(["exact_duplicate", "near_duplicate"]).to_numpy()
    sound = set(keys[copies])
    in_pair = copies | keys.isin(sound).to_numpy()
    found: dict[str, object] = {
        "label errors found": _share(by_label[wrong]),
        "dropped labels that are wrong": _share(wrong[by_label]),
        "duplicates grouped": _share(together[copies]),
        "dropped duplicates that are of a pair": _share(in_pair[dropped]),
        "dropped": rows["dropped_for"].value_counts().to_dict(),
    }
    if PREDICTIONS.exists():
        answers = pd.read_csv(PREDICTIONS).join(rows.set_index("sha256")["shows"], on="sha256")
        shown = answers["shows"].astype(int).map(class_name)
        found["test answers that name what is shown"] = _share((answers["predicted"] == shown).to_numpy())
        found["test answers that are rejected"] = _share((answers["predicted"] == UNKNOWN).to_numpy())
    return found


def _share(hits: Bool[np.ndarray, " n"]) -> object:
    return proportion(int(hits.sum()), len(hits)) if len(hits) else None


def main() -> None:
    """Draw, or score."""
    step, work, *sizes = sys.argv[1:]
    if step == "draw":
        classes, images = map(int, sizes) if sizes else (CLASSES, IMAGES)
        draw_folder(Path(work), classes, images)
    else:
        sys.stdout.write(json.dumps(score(Path(work)), indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
