"""Derive searches worth adding as distractors from a run's own answers and titles.

Two findings are recorded. Accepted images of left-out queries show which class things that were never
searched for are taken for. A word whose titles mark images that the classifier does not see as their query's
class may name a lookalike, such as `robin` in the search for `batman`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int
from scipy.stats import hypergeom

MANY_CLASSES = 30
"""Classes up to which reports list each one, even without an image."""
FEWEST_TITLES = 3
"""Images, of different duplicate groups, that must have a word in common."""
SIGNIFICANCE = 0.05
"""Probability of naming any word by chance, by Bonferroni's correction over all queries and words."""
MOST_WORDS = 5
EXTENSION = re.compile(r"\.(?:jpe?g|png|webp|gif|bmp|tiff?|heic)$", re.IGNORECASE)


class Titled(NamedTuple):
    """An image, or several of one duplicate group, with what its titles say.

    Attributes:
        query: that found it.
        title: of the first image.
        words: of all titles, without the names of queries.
        misfit: whether the answer to one of them is not that of its label.
    """

    query: str
    title: str
    words: frozenset[str]
    misfit: bool


def count_classes(answers: Int[np.ndarray, " n"], names: Sequence[str]) -> dict[str, int]:
    """Count how many images are answered with each class; of many classes, those without one are left out.

    Args:
        answers: positions of the classes.
        names: of the classes.
    """
    counts: list[int] = np.bincount(answers, minlength=len(names)).tolist()
    found = dict(zip(names, counts, strict=True))
    return found if len(names) <= MANY_CLASSES else {name: count for name, count in found.items() if count}


def suggest_searches(
    left_out: Mapping[str, Mapping[str, Any]],
    answers: pd.DataFrame,
    rows: pd.DataFrame,
    queries: Sequence[str],
) -> dict[str, Any]:
    """Collect the findings for `validation.json`.

    Args:
        left_out: figures of each left-out query; empty if none can be left out.
        answers: the table of out-of-fold answers, with `duplicate_group`.
        rows: the manifest's rows of these images.
        queries: the classes and distractors.
    """
    titled = read_titles(answers, rows, queries)
    return {
        "taken_for": taken_for(left_out),
        "titles": count_telling_titles(titled),
        "words": telling_words(titled),
    }


def taken_for(left_out: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Count the accepted images of left-out queries by class and query, the most first."""
    found: dict[str, dict[str, int]] = {}
    for query, figures in left_out.items():
        for name, count in figures["accepted_as"].items():
            of_class = found.setdefault(name, {})
            if count:
                of_class[query] = count
    ordered = sorted(found, key=lambda name: -sum(found[name].values()))
    return {name: dict(Counter(found[name]).most_common()) for name in ordered}


def read_titles(answers: pd.DataFrame, rows: pd.DataFrame, queries: Sequence[str]) -> list[Titled]:
    """Read the words of titles, or of paths in a user's folder; arguments as in `suggest_searches`."""
    from_folder = (rows["source"] == "folder").to_numpy(bool)
    texts = np.where(from_folder, rows["image_url"], rows["title"]).tolist()
    misfit = (answers["label"] != answers["predicted"]).tolist()
    parts: dict[tuple[str, str], list[Titled]] = {}
    names = pattern_of_names(queries)
    keys = zip(answers["query"].tolist(), answers["duplicate_group"].tolist(), strict=True)
    for (query, group), text, misses in zip(keys, texts, misfit, strict=True):
        one = Titled(query, text, title_words(text, names), misses)
        parts.setdefault((query, group), []).append(one)
    return [
        Titled(
            query,
            each[0].title,
            frozenset[str]().union(*(one.words for one in each)),
            any(one.misfit for one in each),
        )
        for (query, _), each in parts.items()
    ]


def pattern_of_names(queries: Sequence[str]) -> re.Pattern[str]:
    """Compile a pattern of all queries' names in a text of words, the longest of several first."""
    names = {" ".join(split_words(query)) for query in queries} - {""}
    ordered = sorted(names, key=lambda name: (-len(name), name))
    # One pattern of all: thousands would be compiled again for each title.
    return re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, ordered))})(?!\S)")


def title_words(title: str, names: re.Pattern[str]) -> frozenset[str]:
    """Return a title's words without digits, apart from the names that already are queries.

    Args:
        title: of an image, or its path.
        names: of `pattern_of_names`.
    """
    text = names.sub(" ", " ".join(split_words(EXTENSION.sub("", title))))
    return frozenset(word for word in text.split() if len(word) > 1 and not re.search(r"\d", word))


def split_words(text: str) -> list[str]:
    """Split a text into words in lower case."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold())


def count_telling_titles(titled: Sequence[Titled]) -> int:
    """Count titles with a word that some other title of their query lacks; `Untitled` tells nothing."""
    shared: dict[str, frozenset[str]] = {}
    for one in titled:
        shared[one.query] = shared.get(one.query, one.words) & one.words
    return sum(bool(one.words - shared[one.query]) for one in titled)


def telling_words(titled: Sequence[Titled]) -> list[dict[str, Any]]:
    """Find words that misfits of a query have in their titles more often than its other images.

    The test is Fisher's exact one, one-sided, within each query.

    Returns:
        `word`, `query`, the `images` with it, the `misfits` among them and a misfit's `title`, the most
        significant first.
    """
    found: list[tuple[float, dict[str, Any]]] = []
    tests = 0
    by_query: dict[str, list[Titled]] = {}
    for one in titled:
        by_query.setdefault(one.query, []).append(one)
    for query, images in by_query.items():
        misfits = [one for one in images if one.misfit]
        in_misfits = Counter(word for one in misfits for word in one.words)
        for word, count in Counter(word for one in images for word in one.words).items():
            if count < FEWEST_TITLES:
                continue
            tests += 1
            hits = in_misfits[word]
            if hits >= FEWEST_TITLES:
                chance = float(hypergeom.sf(hits - 1, len(images), len(misfits), count))
                title = next(one.title for one in misfits if word in one.words)
                row = {"word": word, "query": query, "images": count, "misfits": hits, "title": title}
                found.append((chance, row))
    found.sort(key=lambda one: (one[0], one[1]["query"], one[1]["word"]))
    return [row for chance, row in found if chance * tests < SIGNIFICANCE][:MOST_WORDS]
