"""The page's texts: a table for each language, whose texts the service writes into the page."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

Table = dict[str, str | dict[str, str]]
"""Texts by their keys; a text that depends on a number has its plural forms."""


class PageTemplate(Template):
    """HTML with `$name` for values and `${part.name}` for texts."""

    braceidpattern = r"[a-z_]+(?:\.[a-z_]+)*"


def load_tables(folder: Path) -> dict[str, Table]:
    """Load the tables of a folder by language."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}


def with_words(table: Table, words: Mapping[str, str]) -> Table:
    """Replace the project's words, such as `{thing}`, in all texts; other placeholders stay."""

    def fill(text: str) -> str:
        for name, word in words.items():
            text = text.replace(f"{{{name}}}", word)
        return text

    return {
        key: fill(entry) if isinstance(entry, str) else {form: fill(text) for form, text in entry.items()}
        for key, entry in table.items()
    }


def template_values(language: str, tables: Mapping[str, Table]) -> dict[str, str]:
    """Return values of the page's template: texts of a language, its table, and links to all languages."""
    table = tables[language]
    # No text can end the element that holds the table.
    strings = json.dumps(table, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    texts = {key: escape(entry) for key, entry in table.items() if isinstance(entry, str)}
    return {**texts, "lang": language, "languages": language_links(language, tables), "strings": strings}


def language_links(language: str, tables: Mapping[str, Table]) -> str:
    """Return HTML with a link to the page in each language, or nothing if there is one language."""
    if len(tables) < 2:
        return ""
    links = [
        f'<a href="?lang={code}" hreflang="{code}" lang="{code}"'
        + (' aria-current="true"' if code == language else "")
        + f">{escape(str(table['language']))}</a>"
        for code, table in tables.items()
    ]
    label = escape(str(tables[language]["languages"]))
    return f'<nav class="page-languages" aria-label="{label}">{" ".join(links)}</nav>'


def accepted_language(header: str, available: Sequence[str], default: str) -> str:
    """Return the available language that an Accept-Language header prefers, or else the default."""
    weights: dict[str, float] = {}
    for entry in header.split(","):
        tag, _, weight = entry.strip().partition(";q=")
        code = tag.strip().lower().partition("-")[0]
        try:
            weights.setdefault(code, float(weight or 1))
        except ValueError:
            continue
    wanted = [code for code in available if weights.get(code, 0) > 0]
    return max(wanted, key=lambda code: weights[code], default=default)
