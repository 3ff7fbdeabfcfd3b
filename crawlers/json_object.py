"""Typed access to JSON from the web, which may hold anything."""

import json
from typing import Any, cast

JsonObject = dict[str, Any]


def read_object(text: bytes | str) -> JsonObject:
    """Parse a JSON object.

    Raises:
        ValueError: the text is no JSON, or JSON of another type; the message says which.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON ({error})") from None
    return require_object(value)


def require_object(value: object) -> JsonObject:
    """Return `value` if it is a JSON object.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return cast("JsonObject", value)


def object_or_empty(value: object) -> JsonObject:
    """Return `value` if it is a JSON object, else an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any] | None:
    """Return `value` if it is a JSON array, else None."""
    return cast("list[Any]", value) if isinstance(value, list) else None
