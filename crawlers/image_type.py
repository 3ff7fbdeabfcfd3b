"""Detect image formats by their first bytes; names and Content-Type headers are unreliable."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
    (b"BM", "bmp"),
)
_BMP_RESERVED = slice(6, 10)
_ISO_MEDIA_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic"}


def image_extension(data: bytes) -> str | None:
    """Return the file extension for the signature of `data`, None if it is no image.

    Only signatures are checked (https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern, and
    ISO/IEC 14496-12 for AVIF and HEIC); `clean_images` decodes the rest.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _ISO_MEDIA_BRANDS.get(data[8:12])
    for signature, extension in _SIGNATURES:
        if data.startswith(signature):
            # Text may begin with BM as well; a bitmap's header also has four zero bytes.
            if extension == "bmp" and data[_BMP_RESERVED] != bytes(4):
                return None
            return extension
    return None
