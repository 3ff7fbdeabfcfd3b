"""Plots with confidence intervals, saved as reproducible PNGs, with labels in any script."""

from functools import cache
from itertools import groupby
from pathlib import Path

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from herodex.statistics import Estimate

LONGEST_ESCAPE = 8
"""Code points that `drawable` writes of characters in a row."""


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG without the library's version, so that its bytes repeat.

    Text is drawn as it is, dollar signs too, by a font of this machine where Matplotlib's lacks a character.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        if others := fonts_for(text.get_text()):
            text.set_fontfamily([*text.get_fontfamily(), *map(_register, others)])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def interval_figure(estimates: dict[str, Estimate], unit: str) -> tuple[Figure, Axes]:
    """Draw estimates with their 95 % intervals one below the other; `unit` labels the axis."""
    figure = Figure(figsize=(7.5, 1.4 + 0.42 * len(estimates)), layout="constrained")
    axes = figure.subplots()
    for row, found in enumerate(estimates.values()):
        value = found["value"]
        error = [[value - found["low"]], [found["high"] - value]]
        axes.errorbar(value, row, xerr=error, fmt="o", capsize=3, color="tab:blue")
        axes.annotate(f"{value:.2f}", (value, row), (0, 6), textcoords="offset points", ha="center")
    names = [f"{drawable(name)} (n = {found['n']})" for name, found in estimates.items()]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.8)
    axes.set(xlabel=f"{unit}, with 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    return figure, axes


def drawable(name: str) -> str:
    """Return a name as plots can show it.

    Characters that no font of this machine has become their code points, such as U+3042, which tell names
    apart where boxes would not.
    """
    drawn = frozenset[int]().union(characters_in(default_font()), *map(characters_in, fonts_for(name)))
    parts: list[str] = []
    for missing, run in groupby(name, lambda each: _needs_glyph(each) and ord(each) not in drawn):
        text = "".join(run)
        parts.append(_code_points(text) if missing else text.strip())
    shown = " ".join(filter(None, parts)) if len(parts) > 1 else "".join(parts)
    # Matplotlib leaves labels with an underscore in front out of legends.
    return f" {shown}" if shown.startswith("_") else shown


def _code_points(text: str) -> str:
    points = [f"U+{ord(each):04X}" for each in text[:LONGEST_ESCAPE]]
    return " ".join([*points, "…"] if len(text) > LONGEST_ESCAPE else points)


@cache
def fonts_for(text: str) -> tuple[str, ...]:
    """Return the files of this machine's fonts that together have the characters that Matplotlib's lacks.

    Characters that no font has are left out.
    """
    missing = {ord(each) for each in text if _needs_glyph(each)} - characters_in(default_font())
    chosen: list[str] = []
    while missing:
        best = max(_system_fonts(), key=lambda path: len(missing & characters_in(path)), default="")
        if not best or not missing & characters_in(best):
            break
        chosen.append(best)
        missing -= characters_in(best)
    return tuple(chosen)


def font_for_all(text: str) -> str:
    """Return the file of the font with the most characters of a text, for libraries that take one font."""
    wanted = {ord(each) for each in text if _needs_glyph(each)}
    return max((default_font(), *fonts_for(text)), key=lambda font: len(wanted & characters_in(font)))


@cache
def default_font() -> str:
    """Return the file of DejaVu Sans, which comes with Matplotlib."""
    return str(font_manager.findfont("DejaVu Sans"))


@cache
def characters_in(font: str) -> frozenset[int]:
    """Return the code points that a font file has glyphs for; none if it is a font of bitmaps."""
    try:
        return frozenset(font_manager.get_font(font).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


@cache
def _system_fonts() -> list[str]:
    # Upright fonts of usual weight first, as the first of equals is taken.
    files = [str(path) for path in font_manager.findSystemFonts()]
    return sorted(files, key=lambda path: ("Regular" not in path, path))


@cache
def _register(font: str) -> str:
    font_manager.fontManager.addfont(font)
    return font_manager.get_font(font).family_name


def _needs_glyph(character: str) -> bool:
    return character.isprintable() and not character.isspace()
