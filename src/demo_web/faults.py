"""Kinds of search results, sound and faulty, and the outcome of a request for each."""

from enum import StrEnum


class Kind(StrEnum):
    """The kind of a result: a sound image of the query's subject, or a fault of a real crawl.

    All kinds except SOUND are the keys of `demo_web.shares` in `params.yaml`, which explains each.
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
    """The result for a client that retries and follows robots.txt."""

    OK = "ok"
    OK_AFTER_RETRY = "ok_after_retry"
    HTTP_ERROR = "http_error"
    TRUNCATED = "truncated"
    NOT_AN_IMAGE = "not_an_image"
    DISALLOWED = "disallowed"


NEAR_DUPLICATES = frozenset(
    {Kind.REENCODED, Kind.RESIZED, Kind.CROPPED, Kind.MIRRORED, Kind.LETTERBOXED, Kind.WATERMARKED}
)
DUPLICATES = NEAR_DUPLICATES | {Kind.EXACT_DUPLICATE}
WITHOUT_SUBJECT = frozenset({Kind.NOT_FOUND, Kind.HTML, Kind.PIXEL, Kind.BOMB, Kind.BLANK})
"""Kinds whose URL serves no image of any subject."""

_OUTCOMES = {
    Kind.NOT_FOUND: Outcome.HTTP_ERROR,
    Kind.ERROR_ONCE: Outcome.OK_AFTER_RETRY,
    Kind.THROTTLED_ONCE: Outcome.OK_AFTER_RETRY,
    Kind.TRUNCATED: Outcome.TRUNCATED,
    Kind.HTML: Outcome.NOT_AN_IMAGE,
    Kind.DISALLOWED: Outcome.DISALLOWED,
}


def outcome(kind: Kind) -> Outcome:
    """Return the outcome of a result of this kind."""
    return _OUTCOMES.get(kind, Outcome.OK)


def allot(shares: dict[Kind, float], results: int, query: int) -> list[Kind]:
    """Assign kinds to the `results` of the `query`-th search (from 0), unshuffled.

    Fractions carry over from one query to the next with an offset per kind. So over any number of queries,
    the count of each kind is within one of its share, and rare kinds are spread over the queries.
    """
    kinds: list[Kind] = []
    for turn, (kind, share) in enumerate(shares.items()):
        per_query, offset = share * results, turn / len(shares)
        before, after = (int(per_query * count + offset + 1e-9) for count in (query, query + 1))
        kinds += [kind] * (after - before)
    kinds = kinds[:results]
    kinds += [Kind.SOUND] * (results - len(kinds))
    if Kind.SOUND not in kinds:
        kinds = [Kind.SOUND if kind in DUPLICATES else kind for kind in kinds]
    return kinds
