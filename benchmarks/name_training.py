"""How much compute the generator's training takes, and its pretraining, by one epoch of it."""

import sys
import time

from benchmarks.bench_record import note
from herodex import paths
from herodex.command import run_command
from herodex.determinism import seed_keras
from herodex.generator import pretrain
from herodex.generator.folds import make_folds
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.train import fit, initialise, load_pretrained
from herodex.generator.vocabulary import build_vocabulary
from herodex.generator.words_list import read_words
from herodex.params import load_params


def main() -> None:
    """Print seconds of compute, of all cores together, and of the clock."""
    params = load_params()
    settings = params.generator
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    known = texts_of(rows, "train", "validation")
    vocabulary = build_vocabulary(known)
    folds = make_folds(rows, settings.train.max_folded, settings.train.folds, params.seed)
    words = load_pretrained(paths.PRETRAINED, settings.network)

    computed, started = time.process_time(), time.perf_counter()
    seed_keras(params.seed)
    network = initialise(vocabulary, known, words, settings.network, settings.train)
    fit(network, vocabulary, folds, known, settings.train, params.seed)
    compute, clock = time.process_time() - computed, time.perf_counter() - started
    sys.stdout.write(
        f"training on {len(known)} names, {len(folds)} folds and all: {compute:.0f} s of compute, "
        f"{clock:.0f} s\n"
    )
    training = compute

    chosen = pretrain.take_evenly(read_words(paths.WORDS), settings.pretrain.max_words)
    once = settings.pretrain.model_copy(update={"epochs": 1})
    computed, started = time.process_time(), time.perf_counter()
    pretrain.fit(chosen, settings.network, once, params.seed)
    compute, clock = time.process_time() - computed, time.perf_counter() - started
    epochs = settings.pretrain.epochs
    sys.stdout.write(
        f"pretraining on {len(chosen)} words, {epochs} times an epoch: {epochs * compute:.0f} s of compute, "
        f"{epochs * clock:.0f} s\n"
    )
    note("compute of pretraining, against training on the names", [epochs * compute / training])


if __name__ == "__main__":
    run_command(main)
