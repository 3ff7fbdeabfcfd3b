"""JSON from the web, which may be anything."""

import json
from typing import Any


def read_object(text: bytes | str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: it is no JSON, or something else than an object; it says so in words.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value
