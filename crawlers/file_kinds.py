"""Tell images from other files in a user's folder, and name formats that are not decoded."""

from dataclasses import dataclass

from crawlers.image_type import image_extension

HEAD_BYTES = 4096
"""Bytes from the start of a file that `file_kind` needs."""


@dataclass(frozen=True)
class Format:
    """A format that is recognised and not decoded: its plural name, and how to convert it."""

    name: str
    advice: str

    @property
    def reason(self) -> str:
        """Explain why no file of this format is taken, and what to do."""
        return f"{self.name} are not decoded; {self.advice}"


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes:
        extension: of an image that may be decoded, else empty.
        reason: why a file that should show an image is not taken, else empty. Without extension and reason,
            the file is no image, such as a caption.
    """

    extension: str = ""
    reason: str = ""


HEIC = Format("HEIC images", "convert them to JPEG, e.g. with heif-convert of libheif-examples")
SVG = Format("SVG drawings", "export them as PNG, e.g. with inkscape")
RAW = Format("RAW photos", "export them as JPEG, e.g. with darktable")
VIDEO = Format("videos", "extract frames, e.g. ffmpeg -i FILE -vf fps=1 frame_%04d.png")
PHOTOSHOP = Format("Photoshop files", "export them as PNG or JPEG")
GIMP = Format("GIMP files", "export them as PNG or JPEG")
PDF = Format("PDF files", "export their pages, e.g. with pdftoppm -png")
POSTSCRIPT = Format("PostScript files", "export them as PNG, e.g. with inkscape")
JPEG_XL = Format("JPEG XL images", "convert them to PNG, e.g. with djxl of libjxl-tools")
JPEG_2000 = Format("JPEG 2000 images", "convert them to PNG, e.g. with opj_decompress of libopenjp2-tools")
BIG_TIFF = Format("BigTIFF images", "save them as TIFF or PNG")
OPEN_EXR = Format("OpenEXR images", "export them as PNG")
ICON = Format("icons", "save them as PNG")
METAFILE = Format("Windows metafiles", "export them as PNG")
TARGA = Format("Targa images", "save them as PNG")
DICOM = Format("DICOM images", "export them as PNG")
ARCHIVE = Format("archives", "unpack them in the same folder")

_SIGNATURES = (
    (b"8BPS", PHOTOSHOP),
    (b"gimp xcf", GIMP),
    (b"%PDF", PDF),
    (b"%!PS", POSTSCRIPT),
    (b"\xff\x0a", JPEG_XL),
    (b"\0\0\0\x0cJXL ", JPEG_XL),
    (b"\0\0\0\x0cjP  ", JPEG_2000),
    (b"II+\0", BIG_TIFF),
    (b"MM\0+", BIG_TIFF),
    (b"\x76\x2f\x31\x01", OPEN_EXR),
    (b"\x1a\x45\xdf\xa3", VIDEO),
    (b"\0\0\x01\xba", VIDEO),
    (b"PK\x03\x04", ARCHIVE),
    (b"Rar!", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
)
_SUFFIXES = {
    **dict.fromkeys(("heic", "heif", "hif"), HEIC),
    **dict.fromkeys(("svg", "svgz"), SVG),
    **dict.fromkeys(
        ("cr2", "cr3", "crw", "nef", "nrw", "arw", "dng", "raf", "orf", "rw2", "pef", "srw"), RAW
    ),
    **dict.fromkeys(("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "3gp", "mts"), VIDEO),
    **dict.fromkeys(("psd", "psb"), PHOTOSHOP),
    **dict.fromkeys(("eps", "ps", "ai"), POSTSCRIPT),
    **dict.fromkeys(("wmf", "emf"), METAFILE),
    **dict.fromkeys(("jp2", "j2k", "jpx"), JPEG_2000),
    **dict.fromkeys(("zip", "tar", "gz", "tgz", "7z", "rar"), ARCHIVE),
    "xcf": GIMP,
    "pdf": PDF,
    "jxl": JPEG_XL,
    "exr": OPEN_EXR,
    "ico": ICON,
    "tga": TARGA,
    "dcm": DICOM,
}
_IMAGE_SUFFIXES = {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "avif"}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def file_kind(head: bytes, suffix: str) -> FileKind:
    """Tell what a file is.

    The content decides. The suffix decides for RAW photos, which look like TIFF, and for content without a
    known signature.

    Args:
        head: the first HEAD_BYTES of the file.
        suffix: of the file's name, in lower case and without the dot.
    """
    if _SUFFIXES.get(suffix) is RAW:
        return FileKind(reason=RAW.reason)
    if head[4:8] == b"ftyp":
        return _iso_media_kind(head)
    if extension := image_extension(head):
        return FileKind(extension)
    if named := _named_format(head, suffix):
        return FileKind(reason=named.reason)
    if suffix in _IMAGE_SUFFIXES:
        return FileKind(reason="not in a known image format" if head else "the file is empty")
    return FileKind()


def _named_format(head: bytes, suffix: str) -> Format | None:
    for signature, named in _SIGNATURES:
        if head.startswith(signature):
            return named
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return VIDEO
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml")) and b"<svg" in head:
        return SVG
    return _SUFFIXES.get(suffix)


def _iso_media_kind(head: bytes) -> FileKind:
    """Tell AVIF, HEIC, RAW and video apart by the brands in the first box (ISO/IEC 14496-12)."""
    box = head[8 : int.from_bytes(head[:4])]
    brands = {box[start : start + 4] for start in (0, *range(8, len(box), 4))}
    if brands & _AVIF_BRANDS:
        return FileKind("avif")
    if brands & _HEIC_BRANDS:
        return FileKind(reason=HEIC.reason)
    return FileKind(reason=(RAW if b"crx " in brands else VIDEO).reason)
