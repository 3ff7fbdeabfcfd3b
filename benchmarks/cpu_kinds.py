"""Differences between kinds of CPU: one classifier with fewer instruction sets, and in bfloat16.

Environment variables limit oneDNN (used by OpenVINO and TensorFlow), OpenBLAS and NumPy to older
instructions, which simulates other CPUs on one machine; they do not affect TensorFlow's own loops. Each kind
runs in its own process, on the test split, or for f32 and bf16 on all clean images, and then retrains the
head. It takes about 5 minutes on 2 idle cores and compares CPU seconds.
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
from herodex.inference.predict import load_classifier
from herodex.json_record import read_json
from herodex.params import UNKNOWN, load_params
from herodex.statistics import proportion


class Kind(NamedTuple):
    """A kind of CPU: environment variables for the libraries, the precision, and the images."""

    name: str
    environment: dict[str, str]
    precision: str
    images: str


SAMPLE, CLEAN = "every fifth clean image", "all clean images"


def without(isa: str, core: str, *features: str) -> dict[str, str]:
    """Limit oneDNN to `isa` and OpenBLAS to `core`, and disable `features` in NumPy."""
    return {
        "ONEDNN_MAX_CPU_ISA": isa,
        "OPENBLAS_CORETYPE": core,
        "NPY_DISABLE_CPU_FEATURES": ",".join(features),
    }


KINDS = (
    Kind("all of this CPU", {}, "f32", CLEAN),
    Kind("AVX-512 without AMX", without("AVX512_CORE", "SkylakeX", "AVX512_SPR"), "f32", SAMPLE),
    Kind("AVX2", without("AVX2", "Haswell", "X86_V4", "AVX512_ICL", "AVX512_SPR"), "f32", SAMPLE),
    Kind("all, in bfloat16", {}, "bf16", CLEAN),
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
    classifier = load_classifier(paths.MODELS, precision)
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
        subprocess.run(command, env=os.environ | kind.environment, check=True)
        return dict(np.load(target))


def compare(found: list[dict[str, Any]], labels: list[str]) -> list[dict[str, Any]]:
    """Compare the answers of each kind with those of the first, on the images that both have.

    Returns:
        A row per kind: accuracy on the test split; proportion of answers with the same label, with its
        interval; number of answers that differ in `known`; largest difference of a probability; whether the
        head has the same bytes; and CPU time per image as a ratio.
    """
    first = found[0]
    index = {file: row for row, file in enumerate(images_of(CLEAN)["file"])}
    rows = []
    for kind, answers in zip(KINDS, found, strict=True):
        images = images_of(kind.images)
        same = [index[file] for file in images["file"]]
        before, after = first["probabilities"][same], answers["probabilities"]
        tested = (images["part"] == "test").to_numpy()
        predicted = np.array(labels)[after.argmax(axis=1)]
        agreeing = proportion(int((after.argmax(axis=1) == before.argmax(axis=1)).sum()), len(images))
        rows.append(
            {
                "kind": kind.name,
                "images": kind.images,
                "n": len(images),
                "accuracy_on_test": round(float((predicted == images["label"])[tested].mean()), 4),
                "same_label": round(agreeing["value"], 4),
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
    rows = compare(found, [*load_params().classes, UNKNOWN])
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
        note(f"classifier, {row['kind']}, CPU time against all of f32", [row["compute_against_first"]])


if __name__ == "__main__":
    run_command(main)
