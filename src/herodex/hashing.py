"""Numbers that depend on a text alone, in place of random ones."""

import hashlib


def position(text: str, salt: str) -> float:
    """A number in [0, 1) that depends on the text and the salt alone."""
    digest = hashlib.sha256(f"{salt}:{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
