"""Turn text and HTML from the web into one line of plain text."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from parsel import Selector

LONGEST_HTML = 100_000
"""Characters of HTML that are read; more is no attribution."""
_UNSEEN = frozenset(
    ("audio", "canvas", "datalist", "iframe", "noembed", "noframes", "noscript", "object", "rp", "rt",
     "script", "style", "svg", "template", "title", "video")
)  # fmt: skip
"""Elements whose text is not shown, is shown instead of something else, or is a gloss."""
_BLOCKS = frozenset(
    ("address", "article", "aside", "blockquote", "br", "caption", "center", "dd", "details", "dialog", "div",
     "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
     "header", "hr", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "section", "summary",
     "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul")
)  # fmt: skip
_HIDDEN = {
    "display": ("none",),
    "visibility": ("hidden", "collapse"),
    "content-visibility": ("hidden",),
    "opacity": ("0",),
    "font-size": ("0", "0px"),
}
"""Values of CSS properties that hide an element."""
_BREAK = "\n"
_JOINERS = "\u200c\u200d"
"""Invisible characters that belong to the spelling of words, as in Persian, and to emoji."""
_ENDS = (",", ";", ":", "/", "–", "—", "-", "|")


def one_line(value: object) -> str:
    """Normalise a field from the web to one line of printable text; values other than text become ''."""
    if not isinstance(value, str):
        return ""
    words = "".join(map(_printable, value)).split()
    return " ".join(filter(None, (word.strip(_JOINERS) for word in words)))


def visible_text(html: object) -> str:
    """Return the text of an HTML fragment that a browser shows, as one line.

    Block elements and line breaks are separated by commas, unless punctuation does. Of a contact card
    (https://microformats.org/wiki/hcard), only the name is returned.
    """
    text = one_line(html)[:LONGEST_HTML]
    line = ""
    for part in map(one_line, "".join(_texts(text)).split(_BREAK)):
        if part:
            line += _separator(line, part) + part
    return line


def _separator(line: str, part: str) -> str:
    if not line or part.startswith((",", ";", ":", ".")):
        return ""
    return " " if line.endswith(_ENDS) or part.startswith(_ENDS) else ", "


def _printable(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    # Marks of the text's direction and soft hyphens occur within words.
    return "" if unicodedata.category(character) == "Cf" else " "


def _texts(html: str) -> Iterator[str]:
    # Without a body, the parser would move a fragment that begins with a style into the page's head.
    root: Any = Selector(f"<body>{html}").root if html else None
    if not hasattr(root, "iter"):
        return
    cards = _cards_with_name(root)
    shown = [True]
    for event, element in _walk(root):
        if event == "start":
            shown.append(_is_shown(element, shown, cards))
            yield _BREAK if element.tag in _BLOCKS else ""
            yield _flat(element.text) if shown[-1] else ""
        elif event == "end":
            shown.pop()
            yield _BREAK if element.tag in _BLOCKS else ""
        else:
            yield _flat(element.tail) if shown[-1] else ""


def _walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield start, end and tail of each element, and the tail alone of comments and hidden elements."""
    # Iterative, because the depth of a page is unbounded.
    left = [("start", root)]
    while left:
        event, element = left.pop()
        if event == "start" and (not isinstance(element.tag, str) or _is_hidden(element)):
            event = "tail"
        yield event, element
        if event == "start":
            left += [("tail", element), ("end", element), *(("start", child) for child in reversed(element))]


def _is_shown(element: Any, shown: Sequence[bool], cards: AbstractSet[Any]) -> bool:
    if element in cards or (element.tag == "details" and element.get("open") is None):
        return False
    if element.tag == "summary" and len(shown) > 1:
        return shown[-2]  # as the closed element around it
    return shown[-1] or "fn" in _classes(element)


def _is_hidden(element: Any) -> bool:
    return (
        element.tag in _UNSEEN
        or element.get("hidden") is not None
        or (element.tag == "dialog" and element.get("open") is None)
        or _is_hidden_by_style(element.get("style", ""))
    )


def _is_hidden_by_style(style: str) -> bool:
    declared: dict[str, str] = {}
    for declaration in re.sub(r"/\*.*?(?:\*/|$)", "", style).split(";"):
        name, _, value = declaration.partition(":")
        declared[name.strip().lower()] = value.lower().replace("!important", "").strip()
    return any(declared.get(name) in values for name, values in _HIDDEN.items())


def _cards_with_name(root: Any) -> set[Any]:
    """Return the contact cards that contain a name, each innermost around it."""
    cards: set[Any] = set()
    inside: list[Any] = []
    for event, element in _walk(root):
        classes = _classes(element) if event != "tail" else []
        if event == "start" and "fn" in classes and inside:
            cards.add(inside[-1])
        if "vcard" in classes:
            if event == "start":
                inside.append(element)
            else:
                inside.pop()
    return cards


def _classes(element: Any) -> list[str]:
    return element.get("class", "").split()


def _flat(text: str | None) -> str:
    return (text or "").replace(_BREAK, " ")
