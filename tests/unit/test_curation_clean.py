import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter, ImageOps

from herodex.curation.check_downloads import Checked, check, check_all
from herodex.curation.clean import clean as clean_with
from herodex.curation.clean import hash_pairs
from herodex.curation.duplicate_groups import same_values
from herodex.dataset.manifest import ReadImage, require_every_class
from herodex.errors import UserError
from herodex.params import load_params

PARAMS = load_params()
CAT, DOG = PARAMS.classes[:2]
OTHER = PARAMS.distractors[0]


def drawn(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """Draw a few sharp blobs that differ between seeds as much as photographs do."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((width, height), Image.Resampling.NEAREST)


def soft(seed: int) -> Image.Image:
    """Draw the same without edges."""
    return drawn(seed, 8, 6).resize((160, 120), Image.Resampling.BICUBIC)


def detailed(seed: int) -> Image.Image:
    """Draw an image with edges every few pixels."""
    return drawn(seed).resize((40, 30), Image.Resampling.BICUBIC).resize((320, 240), Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def checked_png(image: Image.Image) -> Checked:
    return check(encoded(image), PARAMS.classifier.clean)


def clean(manifest: pd.DataFrame, checks: list[Checked]) -> pd.DataFrame:
    return clean_with(manifest, checks, PARAMS.classifier.clean, reader(manifest, checks))


def reader(manifest: pd.DataFrame, checks: list[Checked]) -> ReadImage:
    by_file = dict(zip(manifest["file"], checks, strict=True))

    def read(file: str) -> np.ndarray:
        pixels = by_file[file].pixels
        assert pixels is not None
        return pixels

    return read


def raw_manifest(rows: list[tuple[str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["query", "sha256"])
    table["status"] = ["ok" if sha256 else "http_error" for sha256 in table["sha256"]]
    return table.assign(file=table["sha256"], label=[PARAMS.label_of(query) for query in table["query"]])


def test_valid_image_passes_with_its_size_and_format():
    checked = checked_png(drawn(1))
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
def test_undecodable_file_is_dropped_with_a_reason(data, reason):
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
def test_low_quality_image_has_a_reason_and_a_score_and_keeps_its_pixels(image, reason):
    checked = checked_png(image)
    assert checked.dropped_for == reason
    assert 0 <= float(checked.score) < 1
    assert checked.pixels is not None
    assert len(checked.phash) == 16


def test_sharp_image_with_bars_passes_every_check():
    assert checked_png(ImageOps.expand(detailed(1), (0, 200), "black")).dropped_for == ""


def test_pixel_hash_is_the_same_in_another_format():
    image = drawn(1)
    as_bmp = check(encoded(image, "BMP"), PARAMS.classifier.clean)
    assert as_bmp.pixel_sha256 == checked_png(image).pixel_sha256 != checked_png(drawn(2)).pixel_sha256


@pytest.mark.parametrize(
    ("status", "reason"),
    [("truncated", "truncated"), ("not_an_image", "not_an_image"), ("timeout", "no_download")],
)
def test_failed_download_has_a_reason(status, reason):
    manifest = raw_manifest([(CAT, "")]).assign(status=status)
    assert list(clean(manifest, [Checked()])["dropped_for"]) == [reason]


def test_check_all_does_not_depend_on_the_number_of_workers(tmp_path):
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
def test_hash_pairs_finds_a_changed_image(change):
    original, changed, other = checked_png(soft(1)), checked_png(change(soft(1))), checked_png(soft(2))
    checks = [original, other, changed]
    manifest = raw_manifest([(CAT, "a"), (CAT, "b"), (CAT, "c")]).assign(
        phash=[c.phash for c in checks], pixel_sha256=[c.pixel_sha256 for c in checks], kept="1"
    )
    mirrored = [c.mirrored for c in checks]
    exact = same_values(manifest["pixel_sha256"].tolist())
    pairs = np.concatenate([exact, hash_pairs(manifest, mirrored, PARAMS.classifier.clean)])
    assert {tuple(pair) for pair in pairs.tolist()} == {(0, 2)}


def test_largest_duplicate_is_kept_and_the_others_name_it():
    checks = [checked_png(drawn(1, *size)) for size in [(160, 120), (320, 240), (80, 60)]]
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "b"), (CAT, "c")]), checks)
    assert list(cleaned["kept"]) == ["0", "1", "0"]
    assert list(cleaned["duplicate_of"]) == ["b", "", "b"]
    assert set(cleaned["duplicate_group"]) == {"a"}
    assert list(cleaned["dropped_for"]) == ["near_duplicate", "", "near_duplicate"]


def test_same_bytes_are_exact_duplicates():
    checks = [checked_png(drawn(1))] * 2
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "a")]), checks)
    assert list(cleaned["dropped_for"]) == ["", "exact_duplicate"]


def test_duplicates_under_two_classes_are_all_dropped():
    checks = [checked_png(drawn(1))] * 2 + [checked_png(drawn(2))]
    cleaned = clean(raw_manifest([(CAT, "a"), (DOG, "a"), (DOG, "b")]), checks)
    assert list(cleaned["dropped_for"]) == ["label_conflict", "label_conflict", ""]


def test_duplicates_under_two_distractors_do_not_conflict():
    checks = [checked_png(drawn(1))] * 2
    cleaned = clean(raw_manifest([(OTHER, "a"), (PARAMS.distractors[1], "a")]), checks)
    assert sorted(cleaned["dropped_for"]) == ["", "exact_duplicate"]


def test_clean_keeps_every_row_and_marks_failed_downloads():
    manifest = raw_manifest([(CAT, "a"), (CAT, ""), (DOG, "")])
    cleaned = clean(manifest, [checked_png(drawn(1)), Checked(), Checked()])
    assert list(cleaned["query"]) == list(manifest["query"])
    assert list(cleaned["dropped_for"]) == ["", "no_download", "no_download"]
    assert list(cleaned["duplicate_group"]) == ["a", "", ""]


def test_unreadable_images_are_not_duplicates():
    checks = [Checked("unreadable"), Checked("unreadable")]
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "b")]), checks)
    assert list(cleaned["dropped_for"]) == ["unreadable", "unreadable"]


def test_clean_does_not_depend_on_the_order_of_rows():
    checks = [checked_png(drawn(1)), checked_png(drawn(1).resize((200, 150))), checked_png(drawn(3))]
    manifest = raw_manifest([(CAT, "a"), (CAT, "b"), (CAT, "c")])
    forward = clean(manifest, checks).set_index("sha256")
    backward = clean(manifest.iloc[::-1].reset_index(drop=True), checks[::-1]).set_index("sha256")
    assert forward.loc[["a", "b", "c"]].equals(backward.loc[["a", "b", "c"]])


def test_class_without_images_is_reported_with_its_reasons():
    manifest = pd.DataFrame(
        {"query": [CAT, DOG, DOG], "kept": ["1", "0", "0"], "dropped_for": ["", "a", "a"]}
    )
    with pytest.raises(UserError, match=rf"no image of '{DOG}' is left \(2 a\)"):
        require_every_class(manifest, PARAMS, "clean_images")


def test_different_images_with_the_same_hash_are_not_duplicates():
    first, second = checked_png(drawn(1)), checked_png(drawn(2))
    checks = [first, replace(second, phash=first.phash, mirrored=first.mirrored)]
    cleaned = clean(raw_manifest([(CAT, "a"), (CAT, "b")]), checks)
    assert list(cleaned["kept"]) == ["1", "1"]
