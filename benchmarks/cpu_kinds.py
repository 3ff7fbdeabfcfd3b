"""Differences between kinds of CPU: one classifier with fewer instruction sets, and with a float backbone.

An environment variable limits oneDNN, which OpenVINO and TensorFlow use, to older instructions; NumPy and
OpenBLAS use AVX2 in any case (`herodex.kernels`). Each kind runs in its own process, on every fifth clean
image or, with a float backbone, on all of them, and then trains the head again. It takes about 3 minutes on
2 idle cores and compares CPU seconds.
"""

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.bench_record import note
from herodex import paths
from herodex.classifier.examples import Examples
from herodex.classifier.head import fold_standardisation
from herodex.classifier.labels import head_labels
from herodex.classifier.linear import fit_heads
from herodex.classifier.recipes import find_recipe, read_recipe_features
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.embedding.embed import run_on_all
from herodex.inference.decision import known_answers
from herodex.inference.features import load_embedder
from herodex.inference.openvino_runtime import has_amx
from herodex.inference.predict import load_classifier
from herodex.json_record import read_json
from herodex.params import load_params
from herodex.statistics import proportion


class Kind(NamedTuple):
    """A kind of CPU: the limit of oneDNN's instructions if there is one, the precision, and the images."""

    name: str
    limit: str
    precision: str
    images: str


SAMPLE, CLEAN = "every fifth clean image", "all clean images"
KINDS = (
    Kind("all of this CPU", "", "int8", CLEAN),
    Kind("AVX-512 without VNNI and AMX", "AVX512_CORE", "int8", SAMPLE),
    Kind("AVX2", "AVX2", "int8", SAMPLE),
    Kind("all, in float32", "", "f32", CLEAN),
    *([Kind("all, in bfloat16", "", "bf16", CLEAN)] if has_amx() else []),
)
"""The others are compared with the first. TensorFlow's packages always need AVX."""
TABLE = Path(__file__).with_name("cpu_kinds.csv")


def images_of(kind: str) -> pd.DataFrame:
    """Return the rows of all clean images without exact duplicates, or of every fifth."""
    manifest = read_manifest(paths.SPLIT_IMAGES)
    clean = manifest[manifest["phash"] != ""].drop_duplicates("sha256")
    return clean.iloc[::5] if kind == SAMPLE else clean


def measure(precision: str, which: str, target: Path) -> None:
    """Write this process's probabilities, `known`, CPU seconds per image, and the hash of a head."""
    params = load_params()
    classifier = load_classifier(paths.MODELS, "int8")
    if precision != "int8":
        floats = load_embedder(paths.FETCHED_BACKBONE, precision, classifier.embedder.settings)
        classifier = replace(classifier, embedder=floats)
    batch = params.classifier.embed.batch_size

    def answer(images: Sequence[np.ndarray]) -> np.ndarray:
        outputs = classifier.run(images)
        return np.column_stack([outputs.probabilities, outputs.ood_scores])

    files = images_of(which)["file"].tolist()
    run_on_all(answer, files[:batch], batch, "warm up")
    started = time.process_time()
    answers = run_on_all(answer, files, batch, "evaluate")
    seconds = (time.process_time() - started) / len(files)
    known = known_answers(answers[:, :-1])
    np.savez(target, probabilities=answers[:, :-1], known=known, seconds=seconds, head=head_hash())


def head_hash() -> str:
    """Train the head on the existing features and hash its weights."""
    params = load_params()
    manifest = read_manifest(paths.SPLIT_IMAGES)
    rows = manifest[manifest["part"].isin(["train", "validation"])]
    record = read_json(paths.CLASSIFIER / "classifier.json")
    recipe = find_recipe(record["recipe"], params.classifier.embed)
    labels, own = head_labels(rows, params, recipe.label_per_distractor)
    examples = Examples(read_recipe_features(recipe, rows["sha256"].tolist()), own)
    (head,) = fit_heads(examples, len(labels), [record["l2"]])
    return hashlib.sha256(fold_standardisation(head).tobytes()).hexdigest()


def run_kind(kind: Kind) -> dict[str, Any]:
    """Measure one kind of CPU in a separate process."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "answers.npz"
        command = [sys.executable, "-m", "benchmarks.cpu_kinds", kind.precision, kind.images, str(target)]
        limit = {"ONEDNN_MAX_CPU_ISA": kind.limit} if kind.limit else {}
        subprocess.run(command, env=os.environ | limit, check=True)
        return dict(np.load(target))


def compare(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare the answers of each kind with those of the first, on the images that both have.

    Returns:
        A row per kind: proportion of the same answers, with its interval; number of answers that differ in
        `known`; largest difference of a probability; whether the head has the same bytes; and CPU time per
        image as a ratio.
    """
    first = found[0]
    index = {file: row for row, file in enumerate(images_of(CLEAN)["file"])}
    rows = []
    for kind, answers in zip(KINDS, found, strict=True):
        images = images_of(kind.images)
        same = [index[file] for file in images["file"]]
        before, after = first["probabilities"][same], answers["probabilities"]
        agreeing = proportion(int((after.argmax(axis=1) == before.argmax(axis=1)).sum()), len(images))
        rows.append(
            {
                "kind": kind.name,
                "images": kind.images,
                "n": len(images),
                "same_answer": round(agreeing["value"], 4),
                "low": round(agreeing["low"], 4),
                "high": round(agreeing["high"], 4),
                "other_known": int((answers["known"] != first["known"][same]).sum()),
                "largest_difference": f"{np.abs(after - before).max():.1e}",
                "same_head": str(answers["head"]) == str(first["head"]),
                "compute_against_first": round(float(answers["seconds"] / first["seconds"]), 2),
            }
        )
    return rows


def main() -> None:
    """Write and print the table; with a precision, images and a file as arguments, measure this process."""
    if len(sys.argv) == 4:
        measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
        return
    found = []
    for kind in KINDS:
        sys.stderr.write(f"{kind.name}: {kind.images}\n")
        found.append(run_kind(kind))
    rows = compare(found)
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
        note(f"classifier, {row['kind']}, CPU time against the first", [row["compute_against_first"]])


if __name__ == "__main__":
    run_command(main)
