"""Stage `evaluate_generator`: the exported generator on the names held out, and on names of its own."""

import json
import logging
import math
from typing import Any

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.command import run_command
from herodex.figures import save_figure
from herodex.generator.language_model import LanguageModel, model_hash, name_nats
from herodex.generator.metrics import per_character, perplexity
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.ngram import fit_ngram, sequence_nats
from herodex.generator.plots import lengths_figure, nats_figure
from herodex.generator.sample import Generator, Wish, describe, draw_texts, load_generator
from herodex.generator.vocabulary import Vocabulary, encode
from herodex.measured import Measured, share
from herodex.params import load_params

log = logging.getLogger(__name__)

TRIGRAM = 3


def count_characters(texts: list[str]) -> np.ndarray:
    """How many characters each text has, its stop included, int [n]."""
    return np.array([len(text) + 1 for text in texts])


def trigram_nats(known: list[str], texts: list[str], vocabulary: Vocabulary) -> np.ndarray:
    """What texts cost a trigram model of the known ones, float64 [texts]: the usual baseline."""
    model = fit_ngram(encode(vocabulary, known), TRIGRAM, vocabulary.size)
    return sequence_nats(model, encode(vocabulary, texts))


def measure(nats: np.ndarray, baseline: np.ndarray, texts: list[str], seed: int) -> dict[str, Any]:
    """Compute the figures of a language model on texts that it has not seen.

    Args:
        nats: what each text costs the model, float [n].
        baseline: what each costs the trigram model, float [n].
        texts: the texts.
        seed: of the bootstraps.

    Returns:
        `nats` a character, stops counted as characters, and its `perplexity`; `trigram`: nats of the
        baseline; `gain`: by how much the model is better, text by text.
    """
    characters = count_characters(texts)
    figure = per_character(nats, characters, seed)
    return {
        "nats": figure,
        "perplexity": perplexity(figure),
        "trigram": per_character(baseline, characters, seed),
        "gain": per_character(baseline - nats, characters, seed),
        "n_names": len(texts),
        "n_characters": int(characters.sum()),
    }


def status(text: str, known: set[str], test: set[str]) -> str:
    """Where a sampled text is found: `in train` (or validation), `in test`, or nowhere, `new`."""
    return "in train" if text in known else "in test" if text in test else "new"


def measure_samples(texts: list[str], known: set[str], test: set[str]) -> dict[str, Measured]:
    """Count where sampled texts are found, and how many there are when repeats count once."""
    found = [status(text, known, test) for text in texts]
    shares = {
        name.replace(" ", "_"): share(found.count(name), len(texts))
        for name in ("new", "in train", "in test")
    }
    return shares | {"unique": share(len(set(texts)), len(texts))}


def sample_table(generator: Generator, texts: list[str], known: set[str], test: set[str]) -> pd.DataFrame:
    """List sampled texts as `name`, `status`, and the `nearest` real name with its edit `distance`."""
    described = describe(generator, texts)
    return pd.DataFrame(
        {
            "name": [sampled.name for sampled in described],
            "status": [status(text, known, test) for text in texts],
            "nearest": [sampled.nearest for sampled in described],
            "distance": [sampled.distance for sampled in described],
        }
    )


def evaluate(
    model: LanguageModel, train: list[str], validation: list[str], test: list[str], seed: int
) -> dict[str, Any]:
    """Compute the figures of `measure` on the test part, and what puts them in perspective.

    Returns:
        also `uniform`: nats of a guess that takes all tokens for equally likely; `n_unknown`: characters of
        the test part that the model does not know; `nats_train` and `nats_validation`, which show how much
        it has learnt by heart.
    """
    vocabulary = model.vocabulary
    by_trigram = trigram_nats(train + validation, test, vocabulary)
    figures = measure(name_nats(model, test), by_trigram, test, seed)
    figures["uniform"] = round(math.log(vocabulary.size), 6)
    figures["n_unknown"] = sum(character not in vocabulary.characters for character in "".join(test))
    for part, texts in (("train", train), ("validation", validation)):
        nats = name_nats(model, texts)
        figures[f"nats_{part}"] = per_character(nats, count_characters(texts), seed)
    return figures


def main() -> None:
    """Write `metrics.json`, sampled names and the plots to `reports/generator`."""
    params = load_params()
    settings = params.generator.evaluate
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    train, validation, test = (texts_of(rows, part) for part in ("train", "validation", "test"))
    known, held_out = {*train, *validation}, set(test)
    generator = load_generator(paths.MODELS, paths.CLEAN_NAMES)
    with tracking.run("evaluate_generator", settings) as run:
        figures = evaluate(generator.language_model, train, validation, test, params.seed)
        rng = np.random.default_rng(params.seed)
        sampled = draw_texts(
            generator.language_model, settings.samples, Wish(settings.temperature), rng
        ).texts
        shares = measure_samples(sampled, known, held_out)
        figures["samples"] = {"temperature": settings.temperature, **shares}
        figures["model"] = generator.model

        folder = paths.GENERATOR_REPORTS
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(figures, indent=2) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
        table = sample_table(generator, sampled[: settings.listed], known, held_out)
        table.to_csv(folder / "samples.csv", index=False, lineterminator="\n")
        measured = {
            "GRU, test": figures["nats"],
            "trigram, test": figures["trigram"],
            "GRU, validation": figures["nats_validation"],
            "GRU, training": figures["nats_train"],
        }
        save_figure(nats_figure(measured, figures["uniform"]), folder / "nats.png")
        lengths = lengths_figure(train + validation + test, sampled, settings.temperature)
        save_figure(lengths, folder / "lengths.png")

        run.metrics({name: figures[name]["value"] for name in ("nats", "perplexity", "trigram", "gain")})
        run.metrics({name: figure["value"] for name, figure in shares.items()})
        run.tags({"model": model_hash(paths.GENERATOR)})
        run.artifact(folder)
    log.info("nats a character: %s", {name: figures[name] for name in ("nats", "trigram", "gain")})
    log.info("samples: %s", ", ".join(table["name"]))


if __name__ == "__main__":
    run_command(main)
