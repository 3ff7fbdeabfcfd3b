"""Tell images from other files in a user's folder, and name formats that are not decoded."""

from dataclasses import dataclass

from herodex import file_kind as kinds
from herodex.file_kind import FileKind, recognise

NOT_AN_IMAGE = "not in a known image format"

_RAW_SUFFIXES = ("cr2", "cr3", "crw", "nef", "nrw", "arw", "dng", "raf", "orf", "rw2", "pef", "srw")
_SVG_SUFFIXES = ("svg", "svgz")
_SUFFIXES = {
    **dict.fromkeys(("heic", "heif", "hif"), kinds.HEIC),
    **dict.fromkeys(_SVG_SUFFIXES, kinds.SVG),
    **dict.fromkeys(_RAW_SUFFIXES, kinds.RAW),
    **dict.fromkeys(
        ("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "3gp", "mts"), kinds.VIDEO
    ),
    **dict.fromkeys(("psd", "psb"), kinds.PHOTOSHOP),
    **dict.fromkeys(("eps", "ps", "ai"), kinds.POSTSCRIPT),
    **dict.fromkeys(("wmf", "emf"), kinds.METAFILE),
    **dict.fromkeys(("jp2", "j2k", "jpx"), kinds.JPEG_2000),
    **dict.fromkeys(("zip", "tar", "gz", "tgz", "7z", "rar"), kinds.ARCHIVE),
    "xcf": kinds.GIMP,
    "pdf": kinds.PDF,
    "jxl": kinds.JPEG_XL,
    "exr": kinds.OPEN_EXR,
    "ico": kinds.ICON,
    "tga": kinds.TARGA,
    "dcm": kinds.DICOM,
}
_IMAGE_SUFFIXES = {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "avif"}


@dataclass(frozen=True)
class Found:
    """What a file is.

    Attributes:
        extension: of an image that may be decoded, else empty.
        reason: why a file that should show an image is not taken, else empty. Without extension and reason,
            the file is no image, such as a caption.
    """

    extension: str = ""
    reason: str = ""


def inspect_file(head: bytes, suffix: str) -> Found:
    """Tell what a file is.

    The content decides. The suffix decides for content without a known signature.

    Args:
        head: the first HEAD_BYTES of the file.
        suffix: of the file's name, in lower case and without the dot.
    """
    if kind := _kind(head, suffix):
        return Found(kind.extension) if kind.extension else Found(reason=kind.refusal)
    if suffix in _IMAGE_SUFFIXES:
        return Found(reason=NOT_AN_IMAGE if head else "the file is empty")
    return Found()


def _kind(head: bytes, suffix: str) -> FileKind | None:
    kind = recognise(head)
    # Some RAW photos differ from TIFFs by their suffix alone, and packed drawings from archives.
    if (kind is kinds.TIFF and suffix in _RAW_SUFFIXES) or (
        kind is kinds.ARCHIVE and suffix in _SVG_SUFFIXES
    ):
        return _SUFFIXES[suffix]
    return kind or _SUFFIXES.get(suffix)
