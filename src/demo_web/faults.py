"""What can be the matter with a search result, and what that does to a request for its image."""

from enum import StrEnum


class Kind(StrEnum):
    """What a result is: a sound image of what was asked for, or one of the faults of a real crawl.

    All but SOUND are the keys of `demo_web.shares` in `params.yaml`, which say what each one means.
    """

    SOUND = "sound"
    NOT_FOUND = "not_found"
    ERROR_ONCE = "error_once"
    THROTTLED_ONCE = "throttled_once"
    SLOW = "slow"
    TRUNCATED = "truncated"
    HTML = "html"
    DISALLOWED = "disallowed"
    EXACT_DUPLICATE = "exact_duplicate"
    REENCODED = "reencoded"
    RESIZED = "resized"
    CROPPED = "cropped"
    MIRRORED = "mirrored"
    LETTERBOXED = "letterboxed"
    WATERMARKED = "watermarked"
    SHARED = "shared"
    WRONG_SUBJECT = "wrong_subject"
    PIXEL = "pixel"
    BOMB = "bomb"
    DARK = "dark"
    LIGHT = "light"
    BLURRY = "blurry"
    STRIP = "strip"
    BLANK = "blank"
    ANIMATED_GIF = "animated_gif"
    PALETTE_PNG = "palette_png"
    ALPHA_PNG = "alpha_png"
    CMYK_JPEG = "cmyk_jpeg"
    EXIF_ROTATED = "exif_rotated"
    WEBP = "webp"


class Outcome(StrEnum):
    """What a polite client that retries ends up with."""

    OK = "ok"
    OK_AFTER_RETRY = "ok_after_retry"
    HTTP_ERROR = "http_error"
    TRUNCATED = "truncated"
    NOT_AN_IMAGE = "not_an_image"
    DISALLOWED = "disallowed"


NEAR_COPIES = frozenset(
    {Kind.REENCODED, Kind.RESIZED, Kind.CROPPED, Kind.MIRRORED, Kind.LETTERBOXED, Kind.WATERMARKED}
)
COPIES = NEAR_COPIES | {Kind.EXACT_DUPLICATE}
IMAGELESS = frozenset({Kind.NOT_FOUND, Kind.HTML, Kind.PIXEL, Kind.BOMB, Kind.BLANK})
"""Kinds behind whose URL no image of anything is to be seen."""

_OUTCOMES = {
    Kind.NOT_FOUND: Outcome.HTTP_ERROR,
    Kind.ERROR_ONCE: Outcome.OK_AFTER_RETRY,
    Kind.THROTTLED_ONCE: Outcome.OK_AFTER_RETRY,
    Kind.TRUNCATED: Outcome.TRUNCATED,
    Kind.HTML: Outcome.NOT_AN_IMAGE,
    Kind.DISALLOWED: Outcome.DISALLOWED,
}


def outcome(kind: Kind) -> Outcome:
    """Say what a polite client that retries gets for a result of this kind."""
    return _OUTCOMES.get(kind, Outcome.OK)


def allot(shares: dict[Kind, float], results: int, query: int) -> list[Kind]:
    """Give each of the `results` of the `query`-th search (from 0) its kind, unshuffled.

    Fractions carry over from one query to the next, and kinds take turns, so that over any number of
    queries each kind comes within one of its share, and rare kinds do not all fall on the same query.
    """
    kinds: list[Kind] = []
    for turn, (kind, share) in enumerate(shares.items()):
        per_query, offset = share * results, turn / len(shares)
        before, after = (int(per_query * count + offset + 1e-9) for count in (query, query + 1))
        kinds += [kind] * (after - before)
    kinds = kinds[:results]
    kinds += [Kind.SOUND] * (results - len(kinds))
    if Kind.SOUND not in kinds:
        kinds = [Kind.SOUND if kind in COPIES else kind for kind in kinds]
    return kinds
