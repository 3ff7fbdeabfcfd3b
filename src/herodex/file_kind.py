"""Recognise a file's kind by its first bytes; names and Content-Type headers are unreliable.

The crawl, the user's folder and the decoder ask here, so that all three take and refuse the same files.
"""

import re
from typing import Literal, NamedTuple

HEAD_BYTES = 4096
"""Bytes from the start of a file that `recognise` reads."""


class FileKind(NamedTuple):
    """A kind of file.

    Attributes:
        name: for people, in the plural.
        advice: how to convert files that are not decoded, else empty.
        extension: of files that are decoded, else empty.
        decoder: Pillow's name of the format of files that are decoded, else empty.
    """

    name: str
    advice: str = ""
    extension: str = ""
    decoder: str = ""

    @property
    def refusal(self) -> str:
        """Explain why no file of this kind is taken, and what to do."""
        return f"{self.name} are not decoded; {self.advice}"


def _decoded(name: str, extension: str) -> FileKind:
    return FileKind(f"{name} images", extension=extension, decoder=name.upper())


JPEG = _decoded("JPEG", "jpg")
PNG = _decoded("PNG", "png")
WEBP = _decoded("WebP", "webp")
GIF = _decoded("GIF", "gif")
BMP = _decoded("BMP", "bmp")
TIFF = _decoded("TIFF", "tif")
AVIF = _decoded("AVIF", "avif")
DECODED = (JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF)

HEIC = FileKind("HEIC images", "convert them to JPEG, e.g. with heif-convert of libheif-examples")
UNUSUAL_AVIF = FileKind(
    "AVIF images of an unusual brand", "convert them to PNG, e.g. with avifdec of libavif-bin"
)
SVG = FileKind("SVG drawings", "export them as PNG, e.g. with inkscape")
RAW = FileKind("RAW photos", "export them as JPEG, e.g. with darktable")
VIDEO = FileKind("videos", "extract frames, e.g. ffmpeg -i FILE -vf fps=1 frame_%04d.png")
PHOTOSHOP = FileKind("Photoshop files", "export them as PNG or JPEG")
GIMP = FileKind("GIMP files", "export them as PNG or JPEG")
PDF = FileKind("PDF files", "export their pages, e.g. with pdftoppm -png")
POSTSCRIPT = FileKind("PostScript files", "export them as PNG, e.g. with inkscape")
JPEG_XL = FileKind("JPEG XL images", "convert them to PNG, e.g. with djxl of libjxl-tools")
JPEG_2000 = FileKind("JPEG 2000 images", "convert them to PNG, e.g. with opj_decompress of libopenjp2-tools")
BIG_ENDIAN_BIG_TIFF = FileKind("big-endian BigTIFF images", "save them as TIFF or PNG")
OPEN_EXR = FileKind("OpenEXR images", "export them as PNG")
ICON = FileKind("icons", "save them as PNG")
METAFILE = FileKind("Windows metafiles", "export them as PNG")
TARGA = FileKind("Targa images", "save them as PNG")
DICOM = FileKind("DICOM images", "export them as PNG")
NETPBM = FileKind("Netpbm images", "convert them to PNG, e.g. with pnmtopng of netpbm")
DIRECT_DRAW = FileKind("DirectDraw textures", "export them as PNG")
QOI = FileKind("QOI images", "convert them to PNG")
ARCHIVE = FileKind("archives", "unpack them in the same folder")

_SIGNATURES = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (0, b"II*\0", TIFF),
    (0, b"MM\0*", TIFF),
    # Some programs write the version in the other byte order, which Pillow accepts.
    (0, b"II\0*", TIFF),
    (0, b"MM*\0", TIFF),
    (0, b"II+\0", TIFF),
    # Pillow accepts this signature, and then reads the offsets of a small TIFF.
    (0, b"MM\0+", BIG_ENDIAN_BIG_TIFF),
    (0, b"IIRO", RAW),
    (0, b"IIRS", RAW),
    (0, b"MMOR", RAW),
    (0, b"IIU\0", RAW),
    (0, b"II\x1a\0\0\0HEAPCCDR", RAW),
    (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"FOVb", RAW),
    (0, b"8BPS", PHOTOSHOP),
    (0, b"gimp xcf", GIMP),
    (0, b"%PDF", PDF),
    (0, b"%!PS", POSTSCRIPT),
    (0, b"\xc5\xd0\xd3\xc6", POSTSCRIPT),
    (0, b"\xff\x0a", JPEG_XL),
    (0, b"\0\0\0\x0cJXL ", JPEG_XL),
    (0, b"\0\0\0\x0cjP  ", JPEG_2000),
    (0, b"\xff\x4f\xff\x51", JPEG_2000),
    (0, b"\x76\x2f\x31\x01", OPEN_EXR),
    (0, b"\xd7\xcd\xc6\x9a", METAFILE),
    (40, b" EMF", METAFILE),
    (128, b"DICM", DICOM),
    (0, b"DDS ", DIRECT_DRAW),
    (0, b"qoif", QOI),
    (0, b"\x1a\x45\xdf\xa3", VIDEO),
    (0, b"\0\0\x01\xba", VIDEO),
    (0, b"\0\0\x01\xb3", VIDEO),
    (0, b"FLV\x01", VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VIDEO),
    # A QuickTime film of before 2001 has no `ftyp` box.
    (4, b"moov", VIDEO),
    (4, b"mdat", VIDEO),
    (0, b"PK\x03\x04", ARCHIVE),
    (0, b"Rar!", ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (0, b"\x1f\x8b\x08", ARCHIVE),
    (257, b"ustar", ARCHIVE),
)
"""Position, bytes and kind."""
_RIFF_KINDS = {b"WEBP": WEBP, b"AVI ": VIDEO}
_CANON_RAW = b"CR\2\0"
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
"""Sizes of the second header that Pillow reads; a text may begin with BM as well."""
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"mif1", b"msf1"}
"""Brands of the container, which an AVIF and a HEIC may have first."""
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_RAW_BRANDS = {b"crx "}
_SVG_STARTS = (b"<svg", b"<?xml", b"<!DOCTYPE svg")
_NETPBM = re.compile(rb"P[456]\s+(#|\d+\s+\d+\s)|P7\nWIDTH ")
_ICON = re.compile(rb"\0\0[\1\2]\0[^\0]\0.{3}\0", re.DOTALL)
_SUBFILE_TYPE, _SUB_IMAGES, _DNG_VERSION, _PREVIEW = 254, 330, 50706, 1
"""Tags of a TIFF, and a value of the first."""


def recognise(data: bytes) -> FileKind | None:
    """Return the kind of a file by its first HEAD_BYTES, None if they have no known signature.

    Signatures follow https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern and what Pillow
    decodes; whether the rest of the file is sound, only its decoder tells.
    """
    head = data[:HEAD_BYTES]
    if head[4:8] == b"ftyp":
        return _iso_media_kind(head)
    if head.startswith(b"RIFF"):
        return _RIFF_KINDS.get(head[8:12])
    kind = next((kind for at, signature, kind in _SIGNATURES if head.startswith(signature, at)), None)
    if kind is TIFF:
        return RAW if _is_raw(head) else TIFF
    return kind or _kind_by_pattern(head)


def _kind_by_pattern(head: bytes) -> FileKind | None:
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return BMP
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_SVG_STARTS) and b"<svg" in head:
        return SVG
    if _NETPBM.match(head):
        return NETPBM
    return ICON if _ICON.match(head) else None


def _iso_media_kind(head: bytes) -> FileKind:
    """Tell AVIF, HEIC, RAW and video apart by the brands in the first box (ISO/IEC 14496-12)."""
    main = head[8:12]
    box = head[16 : int.from_bytes(head[:4], "big")]
    brands = {main, *(box[start : start + 4] for start in range(0, len(box), 4))}
    if brands & _AVIF_BRANDS:
        # Pillow hands a file to its AVIF decoder by the main brand.
        return AVIF if main in _AVIF_BRANDS | _HEIF_BRANDS else UNUSUAL_AVIF
    if brands & (_HEIC_BRANDS | _HEIF_BRANDS):
        return HEIC
    return RAW if brands & _RAW_BRANDS else VIDEO


def _is_raw(head: bytes) -> bool:
    """Tell a RAW photo from other TIFFs: its first image is a preview, or it names a version of DNG."""
    if head[8:12] == _CANON_RAW:
        return True
    if head[2:4] == b"+\0":
        return False
    order: Literal["little", "big"] = "little" if head.startswith(b"II") else "big"

    def number(start: int, size: int) -> int:
        return int.from_bytes(head[start : start + size], order)

    first = number(4, 4)
    last = min(first + 2 + 12 * number(first, 2), len(head) - 11)
    entries = {number(start, 2): start for start in range(first + 2, last, 12)}
    if _DNG_VERSION in entries:
        return True
    start = entries.get(_SUBFILE_TYPE)
    # The type of the value: 3 for two bytes, 4 for four.
    size = {3: 2, 4: 4}.get(number(start + 2, 2), 0) if start else 0
    return bool(start) and number(start + 8, size) == _PREVIEW and _SUB_IMAGES in entries
