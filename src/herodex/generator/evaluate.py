"""Stage `evaluate_generator`: evaluate the exported generator on held-out names and on its own samples."""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64

from herodex import paths, tracking
from herodex.command import run_command
from herodex.generator.language_model import LanguageModel, model_hash, name_nats
from herodex.generator.metrics import count_characters, mean, per_character, perplexity
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.ngram import fit_ngram, sequence_nats
from herodex.generator.plots import lengths_figure, nats_figure
from herodex.generator.pronounceable import pronounceable
from herodex.generator.real_names import RealNames, is_near_duplicate
from herodex.generator.sample import (
    Candidates,
    Generator,
    SamplingOptions,
    load_generator,
    sample_texts,
    to_sampled_names,
)
from herodex.generator.vocabulary import Vocabulary, encode
from herodex.generator.words_list import read_words
from herodex.json_record import read_json
from herodex.params import EvaluateGeneratorParams, load_params
from herodex.plotting import save_figure
from herodex.statistics import Estimate, in_words, proportion

log = logging.getLogger(__name__)

BASELINES = {"trigram": 3, "5-gram": 5}
"""Orders of the n-gram baselines; `gain` is the paired difference from the first."""


def ngram_nats(
    known: list[str], texts: list[str], order: int, vocabulary: Vocabulary
) -> Float64[np.ndarray, " texts"]:
    """Return the nats of texts under an n-gram model of the known texts."""
    model = fit_ngram(encode(vocabulary, known), order, vocabulary.size)
    return sequence_nats(model, encode(vocabulary, texts))


def cross_entropy_metrics(
    nats: Float64[np.ndarray, " texts"],
    baselines: dict[str, Float64[np.ndarray, " texts"]],
    texts: list[str],
    seed: int,
) -> dict[str, Any]:
    """Compute the cross-entropy of held-out texts and the gain over the baselines.

    Args:
        nats: Nats of each text under the model.
        baselines: Nats of each text under each baseline, by name.
        texts: The texts.
        seed: Seed of the bootstraps.

    Returns:
        `nats` per character and its `perplexity`; nats per character of each baseline; `gain`, the paired
        difference from the first baseline; and counts.
    """
    characters = count_characters(texts)
    figure = per_character(nats, characters, seed)
    first = next(iter(baselines.values()))
    return {
        "nats": figure,
        "perplexity": perplexity(figure),
        **{name: per_character(baseline, characters, seed) for name, baseline in baselines.items()},
        "gain": per_character(first - nats, characters, seed),
        "n_names": len(texts),
        "n_characters": int(characters.sum()),
    }


def origin(text: str, known: set[str], test: set[str]) -> str:
    """Return whether a sampled text is `in train` (or validation), `in test` or `new`."""
    return "in train" if text in known else "in test" if text in test else "new"


def sample_metrics(
    texts: list[str], known: set[str], test: set[str], real: RealNames, seed: int
) -> dict[str, Estimate | None]:
    """Compute novelty, diversity and pronounceability of sampled texts.

    Returns:
        Shares that are `new`, `in_train`, `in_test`, `apart` (not a near duplicate of a real name), `unique`
        and `pronounceable` (None if the rule does not cover the script); and the mean edit `distance` to the
        nearest real name.
    """
    origins = [origin(text, known, test) for text in texts]
    distances = np.array([distance for _, distance in real.nearest(texts)])
    near = [is_near_duplicate(text, int(distance)) for text, distance in zip(texts, distances, strict=True)]
    shares: dict[str, Estimate | None] = {
        name.replace(" ", "_"): proportion(origins.count(name), len(texts))
        for name in ("new", "in train", "in test")
    }
    return shares | {
        "apart": proportion(near.count(False), len(texts)),
        "unique": proportion(len(set(texts)), len(texts)),
        "pronounceable": pronounceable_share(texts),
        "distance": mean(distances, seed),
    }


def pronounceable_share(texts: Sequence[str]) -> Estimate | None:
    """Return the share of pronounceable texts, or None if the rule covers none of them."""
    verdicts = [verdict for verdict in map(pronounceable, texts) if verdict is not None]
    return proportion(sum(verdicts), len(verdicts)) if verdicts else None


def sample_table(
    generator: Generator, candidates: Candidates, limit: int, known: set[str], test: set[str]
) -> pd.DataFrame:
    """List sampled names with their origin, nats per character and nearest real name."""
    texts = candidates.texts[:limit]
    names = to_sampled_names(generator, texts, candidates.nats[:limit])
    return pd.DataFrame(
        {
            "name": [sampled.name for sampled in names],
            "status": [origin(text, known, test) for text in texts],
            "nats": [sampled.nats for sampled in names],
            "nearest": [sampled.nearest for sampled in names],
            "distance": [sampled.distance for sampled in names],
        }
    )


class HeldOut(NamedTuple):
    """Held-out texts with their nats under models that were not trained on them.

    Attributes:
        method: `test` for the test part, or `cross-validation` over all names.
        texts: The texts.
        nats: Nats of each text under the network.
        baselines: Nats of each text under each n-gram model, by name.
        n_unknown: Number of characters that the training texts do not contain.
    """

    method: str
    texts: list[str]
    nats: Float64[np.ndarray, " texts"]
    baselines: dict[str, Float64[np.ndarray, " texts"]]
    n_unknown: int


def test_part(model: LanguageModel, known: list[str], test: list[str]) -> HeldOut:
    """Score the test part by the exported network, and by n-gram models of the training texts."""
    vocabulary = model.vocabulary
    baselines = {name: ngram_nats(known, test, order, vocabulary) for name, order in BASELINES.items()}
    return HeldOut("test", test, name_nats(model, test), baselines, count_unknown(known, test))


def cross_validated(table: pd.DataFrame, vocabulary: Vocabulary) -> HeldOut:
    """Take each text's nats from cross-validation, and fit the n-gram models to the same folds.

    Args:
        table: `fold`, `text` and `nats` of each text, from `train_generator`.
        vocabulary: Vocabulary of all texts.
    """
    texts: list[str] = table["text"].tolist()
    baselines = {name: np.empty(len(texts)) for name in BASELINES}
    n_unknown = 0
    for fold in table["fold"].unique():
        own = (table["fold"] == fold).to_numpy()
        known, held_out = table["text"][~own].tolist(), table["text"][own].tolist()
        n_unknown += count_unknown(known, held_out)
        for name, order in BASELINES.items():
            baselines[name][own] = ngram_nats(known, held_out, order, vocabulary)
    return HeldOut("cross-validation", texts, table["nats"].to_numpy(), baselines, n_unknown)


def count_unknown(known: Sequence[str], texts: Sequence[str]) -> int:
    """Count the characters of texts that the known texts do not contain."""
    characters = set("".join(known))
    return sum(character not in characters for character in "".join(texts))


def evaluate(
    model: LanguageModel, held_out: HeldOut, known: list[str], words: set[str], seed: int
) -> dict[str, Any]:
    """Compute all cross-entropy metrics of the model.

    Args:
        model: The exported network.
        held_out: Held-out texts and their nats.
        known: Training texts.
        words: Words of the pretraining.
        seed: Seed of the bootstraps.

    Returns:
        The results of `cross_entropy_metrics` on the held-out texts; their `method`; `uniform`, nats per
        character of a uniform distribution over tokens; `n_unknown`; `n_in_words`, held-out texts that are
        pretraining words, and `not_in_words`, nats per character of the others; `nats_train`, which shows
        overfitting; and, for a test part, `without_blanks`, nats per character of its texts without blanks.
    """
    texts, nats = held_out.texts, held_out.nats
    figures = {"method": held_out.method, **cross_entropy_metrics(nats, held_out.baselines, texts, seed)}
    figures["uniform"] = round(math.log(model.vocabulary.size), 6)
    figures["n_unknown"] = held_out.n_unknown
    if held_out.method == "test":
        joined = [text.replace(" ", "") for text in texts]
        figures["without_blanks"] = per_character(name_nats(model, joined), count_characters(joined), seed)
    not_in_words = np.array([text not in words for text in texts])
    figures["n_in_words"] = int((~not_in_words).sum())
    if not_in_words.any():
        characters = count_characters(texts)[not_in_words]
        figures["not_in_words"] = per_character(nats[not_in_words], characters, seed)
    figures["nats_train"] = per_character(name_nats(model, known), count_characters(known), seed)
    return figures


def write_plots(
    figures: dict[str, Any], real: list[str], sampled: dict[float, Candidates], folder: Path
) -> None:
    """Plot cross-entropies and name lengths."""
    method = figures["method"]
    compared = {
        f"GRU, {method}": figures["nats"],
        "GRU, cross-validation": figures["cross_validation"]["nats"],
        "GRU, training": figures["nats_train"],
        **{f"{name}, {method}": figures[name] for name in BASELINES},
    }
    save_figure(nats_figure(compared, figures["uniform"]), folder / "nats.png")
    texts = {temperature: candidates.texts for temperature, candidates in sampled.items()}
    save_figure(lengths_figure(real, texts), folder / "lengths.png")


def logged_metrics(figures: dict[str, Any], settings: EvaluateGeneratorParams) -> Iterator[tuple[str, float]]:
    """Yield the metrics to log with the run: name and value."""
    for name in ("nats", "perplexity", *BASELINES, "gain"):
        yield name, figures[name]["value"]
    yield "cross_validation", figures["cross_validation"]["nats"]["value"]
    for name, figure in figures["samples"][f"{settings.temperature:g}"].items():
        if figure:
            yield name, figure["value"]


def held_out_names(model: LanguageModel, known: list[str], test: list[str], folder: Path) -> HeldOut:
    """Score the test part, or take cross-validation over all names if there is no test part."""
    if test:
        return test_part(model, known, test)
    table = pd.read_csv(
        folder / "cross_validation.csv", dtype={"fold": str, "text": str}, keep_default_na=False
    )
    return cross_validated(table, model.vocabulary)


def main() -> None:
    """Write metrics, nats of each held-out name, sampled names and plots to `reports/generator`."""
    params = load_params()
    settings = params.generator.evaluate
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    known, test = texts_of(rows, "train", "validation"), texts_of(rows, "test")
    origins = set(known), set(test)
    generator = load_generator(paths.MODELS, paths.CLEAN_NAMES)
    model, folder = generator.language_model, paths.GENERATOR_REPORTS
    with tracking.run("evaluate_generator", settings) as run:
        validation = read_json(folder / "validation.json")
        held_out = held_out_names(model, known, test, folder)
        figures = evaluate(model, held_out, known, set(read_words(paths.WORDS)), params.seed)
        figures["cross_validation"] = validation
        rng = np.random.default_rng(params.seed)
        sampled = {
            temperature: sample_texts(model, settings.samples, SamplingOptions(temperature), rng)
            for temperature in settings.temperatures
        }
        figures["samples"] = {
            f"{temperature:g}": sample_metrics(candidates.texts, *origins, generator.real, params.seed)
            for temperature, candidates in sampled.items()
        }
        figures["pronounceable_real"] = pronounceable_share(generator.real.texts)
        figures["model"] = generator.model

        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
        table = sample_table(generator, sampled[settings.temperature], settings.listed, *origins)
        table.to_csv(folder / "samples.csv", index=False, lineterminator="\n")
        by_name = pd.DataFrame({"text": held_out.texts, "nats": held_out.nats.round(6)})
        by_name.to_csv(folder / "test_nats.csv", index=False, lineterminator="\n")
        write_plots(figures, known + test, sampled, folder)

        run.metrics(dict(logged_metrics(figures, settings)))
        run.tags({"model": model_hash(paths.GENERATOR)})
        run.artifact(folder)
    compared = {"network": "nats", **{name: name for name in BASELINES}, "gain": "gain"}
    for name, figure in compared.items():
        log.info("nats per character, %s, %s: %s", held_out.method, name, in_words(figures[figure]))
    log.info("samples at temperature %g: %s", settings.temperature, ", ".join(table["name"]))


if __name__ == "__main__":
    run_command(main)
