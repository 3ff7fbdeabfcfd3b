"""Training of the generator under limits that simulate other kinds of CPU."""

import os
import subprocess
import sys

TRAIN = """
import hashlib
from herodex.determinism import use_portable_kernels

use_portable_kernels()

from herodex.generator import pretrain
from herodex.params import NetworkParams, PretrainParams

starts, endings = ("ba", "bell", "cor", "gly", "mond", "st"), ("a", "ed", "er", "ing", "y")
words = [start + ending for start in starts for ending in endings]
settings = PretrainParams(
    embedding_dropout=0.1,
    dropout=0.3,
    recurrent_dropout=0.1,
    max_words=100,
    learning_rate=0.002,
    batch_size=32,
    epochs=2,
)
network, _, _ = pretrain.fit(words, NetworkParams(embedding=32, units=64), settings, seed=1)
print(hashlib.sha256(b"".join(values.tobytes() for values in network.get_weights())).hexdigest())
"""
KINDS = (
    {},
    {"ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem", "TF_NUM_INTEROP_THREADS": "1"},
)
"""Limits of oneDNN and OpenBLAS to other instructions than this CPU's newest."""


def trained_weights(limits: dict[str, str]) -> str:
    """Train in a new process, because the libraries read their limits once; return the weights' hash."""
    run = subprocess.run(
        [sys.executable, "-c", TRAIN], env=os.environ | limits, check=True, capture_output=True, text=True
    )
    return run.stdout.strip().splitlines()[-1]


def test_weights_do_not_depend_on_the_kind_of_cpu() -> None:
    first, second = map(trained_weights, KINDS)
    assert first == second
