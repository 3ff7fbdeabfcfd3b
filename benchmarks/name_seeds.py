"""What names of the held-out generation cost the generator, over seeds: the figures in `name_seeds.csv`.

`python -m benchmarks.name_seeds 1 2 3 4 5` trains once for each seed, as the stages do, on the names as they
stand and on names without their blanks (as earlier figures were measured), and prints a row for each.
Pretraining is repeated with each seed, too; `--keep-words` starts them all from `models/pretrained` instead.
`--epochs N` trains for that long, as the stage has found to be best, instead of finding it out for each seed.
The held-out names choose nothing: epochs come from the generations that are held out in training.
"""

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from herodex import paths
from herodex.command import run_command
from herodex.determinism import seed_keras
from herodex.generator import pretrain
from herodex.generator.evaluate import ngram_nats
from herodex.generator.folds import make_folds
from herodex.generator.learn import nats_a_character, text_nats
from herodex.generator.names_table import SPLIT_COLUMNS, Row, read_names, texts_of
from herodex.generator.train import Learner, initialise, learn_across, learn_all, load_pretrained
from herodex.generator.vocabulary import build_vocabulary
from herodex.generator.words_list import read_words
from herodex.params import GeneratorParams, load_params

COLUMNS = ("seed", "names", "nats", "cross_validation", "epochs", "trigram", "pretrain_s", "train_s")


def without_blanks(rows: list[Row]) -> list[Row]:
    """Take the blanks out of the texts."""
    return [row | {"text": row["text"].replace(" ", "")} for row in rows]


def train_once(
    rows: list[Row], words: Any, params: GeneratorParams, seed: int, epochs: int | None
) -> dict[str, Any]:
    """Train as the stage does, and measure the test part; with `epochs`, for so long and without folds."""
    started = time.process_time()
    known, test = texts_of(rows, "train", "validation"), texts_of(rows, "test")
    vocabulary = build_vocabulary(known)
    seed_keras(seed)
    network = initialise(vocabulary, known, words, params.network, params.train)
    learner = Learner(network, vocabulary, params.train)
    validation = ""
    if epochs is None:
        folds = make_folds(rows, params.train.max_folded, params.train.folds, seed)
        history, _ = learn_across(learner, folds, seed)
        epochs = int(np.argmin(history["validation_nats"])) + 1
        validation = f"{history['validation_nats'].min():.4f}"
    learn_all(learner, known, epochs, seed)
    trained = time.process_time() - started
    return {
        "nats": round(nats_a_character(text_nats(network, vocabulary, test), test), 4),
        "cross_validation": validation,
        "epochs": epochs,
        "trigram": round(nats_a_character(ngram_nats(known, test, 3, vocabulary), test), 4),
        "train_s": round(trained),
    }


def rows_of_table(seeds: list[int], keep_words: bool, epochs: int | None) -> Iterator[dict[str, Any]]:
    """Train for each seed, twice, and yield what came out."""
    params = load_params().generator
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    for seed in seeds:
        started = time.process_time()
        if keep_words:
            words = load_pretrained(paths.PRETRAINED, params.network)
        else:
            chosen = pretrain.evenly(read_words(paths.WORDS), params.pretrain.max_words)
            words = pretrain.fit(chosen, params.network, params.pretrain, seed)[:2]
        pretrained = "" if keep_words else round(time.process_time() - started)
        for label, variant in (("as they stand", rows), ("without blanks", without_blanks(rows))):
            measured = train_once(variant, words, params, seed, epochs)
            yield {"seed": seed, "names": label, "pretrain_s": pretrained} | measured


def main() -> None:
    """Print the table, and the mean and the spread of each column of nats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--keep-words", action="store_true", help="start from models/pretrained")
    parser.add_argument("--epochs", type=int, help="instead of finding out in folds how many are best")
    options = parser.parse_args()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    table = []
    for row in rows_of_table(options.seeds, options.keep_words, options.epochs):
        table.append(row)
        writer.writerow(row[column] for column in COLUMNS)
        sys.stdout.flush()
    for label in ("as they stand", "without blanks"):
        nats = np.array([row["nats"] for row in table if row["names"] == label])
        spread = nats.std(ddof=1) if len(nats) > 1 else 0.0
        sys.stderr.write(
            f"names {label}: {nats.mean():.3f} nats a character, from {nats.min():.3f} to {nats.max():.3f}, "
            f"standard deviation {spread:.3f}, {len(nats)} seeds\n"
        )


if __name__ == "__main__":
    run_command(main)
