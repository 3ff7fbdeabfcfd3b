"""Deterministic pseudo-random numbers from text."""

import hashlib


def uniform_hash(text: str, salt: str) -> float:
    """Hash a text to a number in [0, 1); another salt gives independent numbers."""
    digest = hashlib.sha256(f"{salt}:{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
