"""Stage `evaluate_generator`: the exported generator on the names held out, and on names of its own."""

import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.command import run_command
from herodex.errors import UserError
from herodex.generator.language_model import LanguageModel, model_hash, name_nats
from herodex.generator.metrics import count_characters, mean, per_character, perplexity
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.ngram import fit_ngram, sequence_nats
from herodex.generator.plots import lengths_figure, nats_figure
from herodex.generator.pronounceable import pronounceable
from herodex.generator.real_names import COPY_DISTANCE, RealNames
from herodex.generator.sample import (
    Candidates,
    Generator,
    SamplingOptions,
    describe,
    load_generator,
    sample_texts,
)
from herodex.generator.vocabulary import Vocabulary, encode
from herodex.generator.words_list import read_words
from herodex.params import load_params
from herodex.plotting import save_figure
from herodex.statistics import Estimate, share

log = logging.getLogger(__name__)

BASELINES = {"trigram": 3, "5-gram": 5}
"""Orders of the n-gram models that the network is compared with, the first of them name by name."""


def ngram_nats(known: list[str], texts: list[str], order: int, vocabulary: Vocabulary) -> np.ndarray:
    """What texts cost an n-gram model of the known ones, float64 [texts]: the usual baseline."""
    model = fit_ngram(encode(vocabulary, known), order, vocabulary.size)
    return sequence_nats(model, encode(vocabulary, texts))


def measure(
    nats: np.ndarray, baselines: dict[str, np.ndarray], texts: list[str], seed: int
) -> dict[str, Any]:
    """Compute the figures of a language model on texts that it has not seen.

    Args:
        nats: what each text costs the model, float [n].
        baselines: what each costs another model, float [n].
        texts: the texts.
        seed: of the bootstraps.

    Returns:
        `nats` a character, stops counted as characters, and its `perplexity`; nats of each baseline by its
        name; `gain`: by how much the model is better than the first of them, text by text.
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


def status(text: str, known: set[str], test: set[str]) -> str:
    """Where a sampled text is found: `in train` (or validation), `in test`, or nowhere, `new`."""
    return "in train" if text in known else "in test" if text in test else "new"


def measure_samples(
    texts: list[str], known: set[str], test: set[str], real: RealNames, seed: int
) -> dict[str, Estimate | None]:
    """Count where sampled texts are found, how many are left without repeats, and what they are like.

    Returns:
        shares that are `new`, `in_train` or `in_test`; `apart`: more than one edit from every real name;
        `unique`; `pronounceable`, None where the rule does not know the script; and the mean `distance` to
        the nearest real name, in edits.
    """
    found = [status(text, known, test) for text in texts]
    distances = np.array([distance for _, distance in real.nearest(texts)])
    shares: dict[str, Estimate | None] = {
        name.replace(" ", "_"): share(found.count(name), len(texts))
        for name in ("new", "in train", "in test")
    }
    return shares | {
        "apart": share(int((distances > COPY_DISTANCE).sum()), len(texts)),
        "unique": share(len(set(texts)), len(texts)),
        "pronounceable": share_pronounceable(texts),
        "distance": mean(distances, seed),
    }


def share_pronounceable(texts: Sequence[str]) -> Estimate | None:
    """The share of texts that can be spoken by the rule, of those it applies to; None if it does to none."""
    verdicts = [verdict for verdict in map(pronounceable, texts) if verdict is not None]
    return share(sum(verdicts), len(verdicts)) if verdicts else None


def sample_table(
    generator: Generator, drawn: Candidates, most: int, known: set[str], test: set[str]
) -> pd.DataFrame:
    """List sampled texts as `name`, `status`, `nats` a character, `nearest` real name and its `distance`."""
    texts = drawn.texts[:most]
    described = describe(generator, texts, drawn.nats[:most].tolist())
    return pd.DataFrame(
        {
            "name": [sampled.name for sampled in described],
            "status": [status(text, known, test) for text in texts],
            "nats": [sampled.nats for sampled in described],
            "nearest": [sampled.nearest for sampled in described],
            "distance": [sampled.distance for sampled in described],
        }
    )


def evaluate(
    model: LanguageModel, known: list[str], test: list[str], words: set[str], seed: int
) -> dict[str, Any]:
    """Compute the figures of `measure` on the test part, and what puts them in perspective.

    Args:
        model: the exported network.
        known: the texts that it has learnt from.
        test: texts that it has not seen.
        words: what it has read before.
        seed: of the bootstraps.

    Returns:
        also `uniform`: nats of a guess that takes all tokens for equally likely; `n_unknown`: characters of
        the test part that the model does not know; `without_blanks`: nats when blanks are taken out of the
        test texts; `n_in_words`: test texts that are among the words, and `not_in_words`: nats of the others;
        `nats_train`, which shows how much it has learnt by heart.
    """
    vocabulary = model.vocabulary
    baselines = {name: ngram_nats(known, test, order, vocabulary) for name, order in BASELINES.items()}
    nats = name_nats(model, test)
    figures = measure(nats, baselines, test, seed)
    figures["uniform"] = round(math.log(vocabulary.size), 6)
    figures["n_unknown"] = sum(character not in vocabulary.characters for character in "".join(test))
    joined = [text.replace(" ", "") for text in test]
    figures["without_blanks"] = per_character(name_nats(model, joined), count_characters(joined), seed)
    unread = np.array([text not in words for text in test])
    figures["n_in_words"] = int((~unread).sum())
    if unread.any():
        figures["not_in_words"] = per_character(nats[unread], count_characters(test)[unread], seed)
    figures["nats_train"] = per_character(name_nats(model, known), count_characters(known), seed)
    return figures


def read_validation(path: Path) -> dict[str, Any]:
    """Read what names cost that were held out in turn while the generator was trained.

    Raises:
        UserError: there is no such file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run `dvc repro`, which makes it.") from None


def main() -> None:
    """Write `metrics.json`, what each test name costs, sampled names and the plots to `reports/generator`."""
    params = load_params()
    settings = params.generator.evaluate
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    known, test = texts_of(rows, "train", "validation"), texts_of(rows, "test")
    generator = load_generator(paths.MODELS, paths.CLEAN_NAMES)
    folder = paths.GENERATOR_REPORTS
    with tracking.run("evaluate_generator", settings) as run:
        figures = evaluate(generator.language_model, known, test, set(read_words(paths.WORDS)), params.seed)
        figures["cross_validation"] = read_validation(folder / "validation.json")
        rng = np.random.default_rng(params.seed)
        sampled = {
            temperature: sample_texts(generator.language_model, settings.samples, SamplingOptions(temperature), rng)
            for temperature in settings.temperatures
        }
        figures["samples"] = {
            f"{temperature:g}": measure_samples(
                drawn.texts, set(known), set(test), generator.real, params.seed
            )
            for temperature, drawn in sampled.items()
        }
        figures["pronounceable_real"] = share_pronounceable(generator.real.texts)
        figures["model"] = generator.model

        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
        listed = sampled[settings.temperature], settings.listed
        table = sample_table(generator, *listed, set(known), set(test))
        table.to_csv(folder / "samples.csv", index=False, lineterminator="\n")
        by_name = pd.DataFrame({"text": test, "nats": name_nats(generator.language_model, test).round(6)})
        by_name.to_csv(folder / "test_nats.csv", index=False, lineterminator="\n")
        measured = {
            "GRU, test": figures["nats"],
            "GRU, held out in turn": figures["cross_validation"]["nats"],
            "GRU, training": figures["nats_train"],
            **{f"{name}, test": figures[name] for name in BASELINES},
        }
        save_figure(nats_figure(measured, figures["uniform"]), folder / "nats.png")
        texts = {temperature: drawn.texts for temperature, drawn in sampled.items()}
        save_figure(lengths_figure(known + test, texts), folder / "lengths.png")

        run.metrics({name: figures[name]["value"] for name in ("nats", "perplexity", *BASELINES, "gain")})
        run.metrics({"cross_validation": figures["cross_validation"]["nats"]["value"]})
        counted = figures["samples"][f"{settings.temperature:g}"]
        run.metrics({name: figure["value"] for name, figure in counted.items() if figure})
        run.tags({"model": model_hash(paths.GENERATOR)})
        run.artifact(folder)
    log.info("nats a character: %s", {name: figures[name] for name in ("nats", *BASELINES, "gain")})
    log.info("samples at %g: %s", settings.temperature, ", ".join(table["name"]))


if __name__ == "__main__":
    run_command(main)
