"""Compute time of the generator's training and pretraining; pretraining is extrapolated from one epoch."""

import sys
import time
from collections.abc import Callable

from benchmarks.bench_record import note
from herodex import paths
from herodex.command import run_command
from herodex.determinism import use_portable_kernels
from herodex.generator import pretrain
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.train import train
from herodex.generator.words_list import read_words
from herodex.params import load_params


def measure_time(function: Callable[[], object]) -> tuple[float, float]:
    """Return CPU seconds of all cores and wall-clock seconds of a call."""
    computed, started = time.process_time(), time.perf_counter()
    function()
    return time.process_time() - computed, time.perf_counter() - started


def main() -> None:
    """Print CPU seconds of all cores and wall-clock seconds."""
    use_portable_kernels()
    params = load_params()
    settings = params.generator
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    known = texts_of(rows, "train", "validation")
    words = pretrain.take_evenly(read_words(paths.WORDS), settings.pretrain.max_words)
    epochs = settings.pretrain.epochs
    one_epoch = settings.pretrain.model_copy(update={"epochs": 1})
    training, clock = measure_time(lambda: train(rows, params))
    sys.stdout.write(f"training on {len(known)} names: {training:.0f} s of CPU, {clock:.0f} s\n")
    pretraining, clock = measure_time(lambda: pretrain.fit(words, settings.network, one_epoch, params.seed))
    sys.stdout.write(
        f"pretraining on {len(words)} words, {epochs} times one epoch: {epochs * pretraining:.0f} s of CPU, "
        f"{epochs * clock:.0f} s\n"
    )
    note("CPU time of pretraining, against training on the names", [epochs * pretraining / training])


if __name__ == "__main__":
    run_command(main)
