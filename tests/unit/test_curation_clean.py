import io
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter, ImageOps

from herodex.curation.clean import Checked, check, check_all, hash_pairs
from herodex.curation.clean import clean as clean_with
from herodex.dataset.manifest import require_every_class
from herodex.errors import UserError
from herodex.params import load_params

PARAMS = load_params()
CAT, DOG = PARAMS.classes[:2]
OTHER = PARAMS.distractors[0]


def drawn(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """An image of a few sharp blobs, as different between seeds as photographs are."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((width, height), Image.Resampling.NEAREST)


def soft(seed: int) -> Image.Image:
    """The same without its edges."""
    return drawn(seed, 8, 6).resize((160, 120), Image.Resampling.BICUBIC)


def detailed(seed: int) -> Image.Image:
    """An image with edges every few pixels."""
    return drawn(seed).resize((40, 30), Image.Resampling.BICUBIC).resize((320, 240), Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def look(image: Image.Image) -> Checked:
    return check(encoded(image), PARAMS.classifier.clean)


def clean(manifest: pd.DataFrame, checks: list[Checked]) -> pd.DataFrame:
    return clean_with(manifest, checks, PARAMS.classifier.clean, reader(manifest, checks))


def reader(manifest: pd.DataFrame, checks: list[Checked]) -> Callable[[str], np.ndarray]:
    pixels = {file: checked.pixels for file, checked in zip(manifest["file"], checks, strict=True)}
    return lambda file: cast(np.ndarray, pixels[file])


def raw_manifest(rows: list[tuple[str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["query", "sha256"])
    table["status"] = ["ok" if sha256 else "http_error" for sha256 in table["sha256"]]
    return table.assign(file=table["sha256"], label=[PARAMS.label_of(query) for query in table["query"]])


def test_a_sound_image_passes_with_its_size_and_format():
    checked = look(drawn(1))
    assert (checked.dropped_for, checked.width, checked.height, checked.format) == ("", 160, 120, "PNG")
    assert len(checked.phash) == 16


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html></html>", "not_an_image"),
        (encoded(drawn(1))[:300], "truncated"),
        (encoded(drawn(1)).replace(b"IDAT", b"IDAT" + bytes(9)), "unreadable"),
        (encoded(Image.new("1", (9000, 9000))), "too_large"),
    ],
)
def test_what_cannot_be_decoded_has_its_reason(data, reason):
    checked = check(data, PARAMS.classifier.clean)
    assert checked.dropped_for == reason
    assert checked.pixels is None


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.new("RGB", (1, 1)), "too_small"),
        (drawn(1, 400, 50), "odd_aspect"),
        (drawn(1).point([level // 20 for level in range(256)] * 3), "too_dark"),
        (drawn(1).point([255 - level // 20 for level in range(256)] * 3), "too_light"),
        (Image.new("RGB", (90, 90), "grey"), "low_information"),
        (detailed(1).filter(ImageFilter.GaussianBlur(8)), "blurry"),
    ],
)
def test_an_image_of_no_use_has_its_reason_and_score_and_its_pixels_stay(image, reason):
    checked = look(image)
    assert checked.dropped_for == reason
    assert 0 <= float(checked.score) < 1
    assert checked.pixels is not None
    assert len(checked.phash) == 16


def test_a_sharp_image_between_bars_passes_every_check():
    assert look(ImageOps.expand(detailed(1), (0, 200), "black")).dropped_for == ""


def test_the_same_pixels_in_another_format_have_the_same_hash_of_pixels():
    image = drawn(1)
    as_bmp = check(encoded(image, "BMP"), PARAMS.classifier.clean)
    assert as_bmp.pixel_sha256 == look(image).pixel_sha256 != look(drawn(2)).pixel_sha256


@pytest.mark.parametrize(
    ("status", "reason"),
    [("truncated", "truncated"), ("not_an_image", "not_an_image"), ("timeout", "no_download")],
)
def test_a_download_that_failed_says_why(status, reason):
    manifest = raw_manifest([(CAT, "")]).assign(status=status)
    assert list(clean(manifest, [Checked()])["dropped_for"]) == [reason]


def test_the_number_of_workers_changes_nothing(tmp_path):
    files = [f"{i}.png" for i in range(12)]
    for i, file in enumerate(files):
        drawn(i % 7).save(tmp_path / file)
    one, four = (
        check_all(files, tmp_path, tmp_path / str(n), PARAMS.classifier.clean, workers=n) for n in (1, 4)
    )
    assert one == four
    written = [sorted(file.read_bytes() for file in (tmp_path / n).iterdir()) for n in ("1", "4")]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    "change",
    [
        lambda image: Image.open(io.BytesIO(encoded(image, "JPEG", quality=60))),
        lambda image: image.resize((300, 225)),
        lambda image: image.resize((80, 60)),
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: ImageOps.expand(image, (0, 40), "black"),
    ],
    ids=["re-encoded", "enlarged", "shrunk", "mirrored", "letterboxed"],
)
def test_a_changed_copy_is_found_by_its_hash(change):
    original, copy, other = look(soft(1)), look(change(soft(1))), look(soft(2))
    checks = [original, other, copy]
    manifest = raw_manifest([(CAT, "a"), (CAT, "b"), (CAT, "c")]).assign(
        phash=[c.phash for c in checks], pixel_sha256=[c.pixel_sha256 for c in checks], kept="1"
    )
    mirrored = [c.mirrored for c in checks]
    pairs = hash_pairs(manifest, mirrored, PARAMS.classifier.clean, reader(manifest, checks))
    assert {tuple(pair) for pair in pairs.tolist()} == {(0, 2)}


def test_the_largest_of_several_copies_stays_and_the_others_name_it():
    checks = [look(drawn(1, *size)) for size in [(160, 120), (320, 240), (80, 60)]]
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "b"), (CAT, "c")]), checks)
    assert list(cleaned["kept"]) == ["0", "1", "0"]
    assert list(cleaned["duplicate_of"]) == ["b", "", "b"]
    assert set(cleaned["cluster"]) == {"a"}
    assert list(cleaned["dropped_for"]) == ["near_duplicate", "", "near_duplicate"]


def test_the_same_bytes_twice_are_an_exact_copy():
    checks = [look(drawn(1))] * 2
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "a")]), checks)
    assert list(cleaned["dropped_for"]) == ["", "exact_duplicate"]


def test_an_image_under_two_classes_is_set_aside_with_all_its_copies():
    checks = [look(drawn(1))] * 2 + [look(drawn(2))]
    cleaned = clean(raw_manifest([(CAT, "a"), (DOG, "a"), (DOG, "b")]), checks)
    assert list(cleaned["dropped_for"]) == ["conflict", "conflict", ""]


def test_an_image_under_two_distractors_is_no_conflict():
    checks = [look(drawn(1))] * 2
    cleaned = clean(raw_manifest([(OTHER, "a"), (PARAMS.distractors[1], "a")]), checks)
    assert sorted(cleaned["dropped_for"]) == ["", "exact_duplicate"]


def test_no_row_is_lost_and_failed_downloads_say_so():
    manifest = raw_manifest([(CAT, "a"), (CAT, ""), (DOG, "")])
    cleaned = clean(manifest, [look(drawn(1)), Checked(), Checked()])
    assert list(cleaned["query"]) == list(manifest["query"])
    assert list(cleaned["dropped_for"]) == ["", "no_download", "no_download"]
    assert list(cleaned["cluster"]) == ["a", "", ""]


def test_images_that_could_not_be_read_are_no_copies_of_each_other():
    checks = [Checked("unreadable"), Checked("unreadable")]
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "b")]), checks)
    assert list(cleaned["dropped_for"]) == ["unreadable", "unreadable"]


def test_the_choice_does_not_depend_on_the_order_of_rows():
    checks = [look(drawn(1)), look(drawn(1).resize((200, 150))), look(drawn(3))]
    manifest = raw_manifest([(CAT, "a"), (CAT, "b"), (CAT, "c")])
    forward = clean(manifest, checks).set_index("sha256")
    backward = clean(manifest.iloc[::-1].reset_index(drop=True), checks[::-1]).set_index("sha256")
    assert forward.loc[["a", "b", "c"]].equals(backward.loc[["a", "b", "c"]])


def test_a_class_that_lost_everything_is_named_with_its_reasons():
    manifest = pd.DataFrame(
        {"query": [CAT, DOG, DOG], "kept": ["1", "0", "0"], "dropped_for": ["", "a", "a"]}
    )
    with pytest.raises(UserError, match=rf"no image of '{DOG}' is left \(2 a\)"):
        require_every_class(manifest, PARAMS, "clean_images")


def test_simple_images_that_share_a_hash_by_chance_are_no_copies():
    first, second = look(drawn(1)), look(drawn(2))
    checks = [first, replace(second, phash=first.phash, mirrored=first.mirrored)]
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "b")]), checks)
    assert list(cleaned["kept"]) == ["1", "1"]
