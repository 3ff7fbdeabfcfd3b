"""What differs between kinds of CPU: the same classifier with fewer instruction sets, and in bfloat16.

oneDNN, which both OpenVINO and TensorFlow compute with, is kept to older instructions by ONEDNN_MAX_CPU_ISA;
so one machine tells what the same model would answer on others. Each kind runs in a process of its own, on
the pictures of the test part; then the head is trained anew.
"""

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.bench_record import note
from herodex import paths
from herodex.classifier.embed import run_on_all
from herodex.classifier.features_table import read_features
from herodex.classifier.head import fit_head
from herodex.classifier.manifest import read_manifest
from herodex.classifier.predict import load_classifier
from herodex.classifier.train import fine_labels
from herodex.command import run_command
from herodex.params import UNKNOWN, load_params

KINDS: dict[str, tuple[dict[str, str], str]] = {
    "all that this CPU has": ({}, "f32"),
    "AVX-512 without AMX": ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, "f32"),
    "AVX2": ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, "f32"),
    "SSE 4.1": ({"ONEDNN_MAX_CPU_ISA": "SSE41"}, "f32"),
    "all, in bfloat16": ({}, "bf16"),
}
"""The environment of each kind, and the precision of inference."""
TABLE = Path(__file__).with_name("cpu_kinds.csv")


def measure(precision: str, target: Path) -> None:
    """Write what this process answers: probabilities [n, labels], its seconds, the hash of a trained head."""
    params = load_params()
    manifest = read_manifest(paths.SPLIT_IMAGES)
    test = manifest[manifest["part"] == "test"]
    classifier = load_classifier(paths.MODELS, precision)
    batch = params.classifier.embed.batch_size
    run_on_all(classifier.probabilities, list(test["file"])[:batch], batch, "warm up")
    started = time.perf_counter()
    probabilities = run_on_all(classifier.probabilities, list(test["file"]), batch, "evaluate")
    seconds = time.perf_counter() - started
    features = read_features(paths.FEATURES, "views")
    rows = manifest[manifest["part"].isin(["train", "validation"])]
    names, shown = fine_labels(rows, params)
    values = np.stack([features[sha256] for sha256 in rows["sha256"]])
    settings = params.classifier.train
    head, _ = fit_head(
        values, shown, len(names), settings.l2[0], settings.learning_rate, settings.epochs, params.seed
    )
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(value).tobytes() for value in head.get_weights()))
    np.savez(target, probabilities=probabilities, seconds=seconds, head=digest.hexdigest())


def run_kind(environment: dict[str, str], precision: str) -> dict[str, Any]:
    """Measure one kind of CPU in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "answers.npz"
        command = [sys.executable, "-m", "benchmarks.cpu_kinds", precision, str(target)]
        subprocess.run(command, env=os.environ | environment, check=True, stderr=subprocess.DEVNULL)
        return dict(np.load(target))


def compare(
    manifest: pd.DataFrame, found: dict[str, dict[str, Any]], labels: list[str]
) -> list[dict[str, Any]]:
    """A row for each kind: accuracy, answers other than the first kind's, by how much, how fast it is."""
    actual = manifest.loc[manifest["part"] == "test", "label"].to_numpy(str)
    first = next(iter(found.values()))
    before = first["probabilities"].argmax(axis=1)
    rows = []
    for kind, answers in found.items():
        after = answers["probabilities"].argmax(axis=1)
        changed = answers["probabilities"] - first["probabilities"]
        rows.append(
            {
                "kind": kind,
                "n": len(actual),
                "accuracy": round(float((np.array(labels)[after] == actual).mean()), 4),
                "other_answers": int((after != before).sum()),
                "largest_difference": f"{np.abs(changed).max():.1e}",
                "same_head": str(answers["head"]) == str(first["head"]),
                "seconds_against_first": round(float(answers["seconds"] / first["seconds"]), 2),
            }
        )
    return rows


def main() -> None:
    """Write and print the table; with a precision and a file, measure this process."""
    if len(sys.argv) == 3:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    found = {kind: run_kind(environment, precision) for kind, (environment, precision) in KINDS.items()}
    rows = compare(read_manifest(paths.SPLIT_IMAGES), found, [*load_params().classes, UNKNOWN])
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
        note(f"classifier, {row['kind']}, seconds against all of f32", [row["seconds_against_first"]])


if __name__ == "__main__":
    run_command(main)
