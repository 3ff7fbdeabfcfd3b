"""What the cleaning is worth on real images: by a person's verdicts, and by what is learnt from them.

`python -m benchmarks.real_images CLEAN DIRTY WORK` takes two folders with a sub-folder of images for
each class: DIRTY as an image search returned them, CLEAN chosen by hand. It cleans DIRTY as the pipeline
does, compares what was set aside with the verdicts in `tests/dirty_verdicts.csv`, and trains the classifier
on the images as they are and as cleaned. Both are scored on CLEAN's images of the same classes, without
copies of what was trained on. WORK keeps the features from one run to the next.
"""

import csv
import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.clean_folder import clean_folder
from herodex.classifier.examples import Examples
from herodex.classifier.linear import fit_heads
from herodex.command import run_command
from herodex.curation.near_duplicates import pairs_between, unit_vectors
from herodex.dataset.manifest import NO_HASH, summary, write_manifest
from herodex.hashing import position
from herodex.params import Params, load_params
from herodex.statistics import share

VERDICTS = Path("tests/dirty_verdicts.csv")
LEFT_OUT = 0.15
WEIGHT_DECAY = 0.01
SEEDS = 5
WORST = 100
THRESHOLDS = (0.7, 1.0, 1.38)


def list_images(folder: Path, queries: list[str]) -> pd.DataFrame:
    """Make the manifest that a crawl of these folders would have left."""
    rows = []
    for query in queries:
        for rank, file in enumerate(sorted((folder / query).iterdir()), start=1):
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            rows.append({"query": query, "rank": str(rank), "sha256": sha256, "file": str(file)})
    return pd.DataFrame(rows).assign(status="ok")


def prepare(images: pd.DataFrame, work: Path, params: Params) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Clean images as the pipeline does; returns the curated manifest and the features."""
    raw = work / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for sha256, file in zip(images["sha256"], images["file"], strict=True):
        (raw / sha256).write_bytes(Path(file).read_bytes())
    labels = [params.label_of(query) for query in images["query"]]
    return clean_folder(images.assign(file=images["sha256"], label=labels), raw, work, params)


def hits(
    rows: pd.DataFrame, test: pd.DataFrame, features: dict[str, np.ndarray], params: Params, seed: int
) -> np.ndarray:
    """Fit a head to a random part of `rows` and say which images of `test` it gets right, bool [test]."""
    place = np.array([position(cluster, str(seed)) for cluster in rows["cluster"]])
    learnt = rows[place >= LEFT_OUT]
    examples = Examples(
        np.stack([features[sha256] for sha256 in learnt["sha256"]]),
        np.array([params.classes.index(label) for label in learnt["label"]]),
    )
    (head,) = fit_heads(examples, len(params.classes), [WEIGHT_DECAY])
    answers = head.logits(np.stack([features[sha256] for sha256 in test["sha256"]])).argmax(axis=1)
    return np.array(params.classes)[answers] == test["label"].to_numpy(str)


def score_verdicts(curated: pd.DataFrame, thresholds: tuple[float, ...]) -> str:
    """Compare label qualities with a person's verdicts, `good` or `bad`; copies are left out.

    The verdicts are on the 100 images of least quality and on 100 of all the others, drawn by lot: what is
    kept at a threshold is the rest of the 100 worst, and the others, of whom each verdict stands for many.
    """
    with VERDICTS.open(encoding="utf-8", newline="") as file:
        verdicts = {row["sha256"]: row["verdict"] for row in csv.DictReader(file)}
    rows = curated[(curated["duplicate_of"] == "") & (curated["phash"] != NO_HASH)].drop_duplicates("sha256")
    quality = rows["label_quality"].astype(float)
    judged = rows["sha256"].isin(verdicts.keys())
    bad = rows["sha256"].map(verdicts) == "bad"
    worst = judged & (quality <= quality[judged].nsmallest(WORST).max())
    drawn = judged & ~worst
    weight = (len(rows) - int(worst.sum())) / max(int(drawn.sum()), 1)
    chance = 1 / rows["query"].nunique()
    lines = []
    for threshold in thresholds:
        aside = quality < threshold * chance
        found = int((worst & bad & aside).sum())
        missed = int((worst & bad & ~aside).sum()) + weight * int((drawn & bad & ~aside).sum())
        lines.append(
            f"min_label_quality {threshold}: {int(aside.sum())} of {len(rows)} set aside; "
            f"bad of those {_figure(bad[judged & aside].to_numpy())}; "
            f"good of the kept {_figure(~bad[drawn & ~aside].to_numpy())}; "
            f"recall of the bad ones about {found / max(found + missed, 1):.2f}"
        )
    return "\n".join(lines)


def _figure(right: np.ndarray) -> str:
    value = share(int(right.sum()), len(right))
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}], n = {value['n']}"


def main() -> None:
    """Print the figures, and write the curated manifest to WORK."""
    chosen, dirty, work = (Path(argument) for argument in sys.argv[1:4])
    classes = sorted(folder.name for folder in dirty.iterdir())
    params = load_params().model_copy(update={"classes": classes, "distractors": []})
    curated, features = prepare(list_images(dirty, classes), work, params)
    write_manifest(curated, work / "curated.csv")
    sys.stdout.write(f"{summary(curated)}\n")
    if VERDICTS.exists():
        sys.stdout.write(f"{score_verdicts(curated, THRESHOLDS)}\n")
    asked, asked_features = prepare(list_images(chosen, classes), work, params)
    features |= asked_features
    asked = asked[asked["phash"] != NO_HASH].drop_duplicates("cluster")
    unit = unit_vectors(np.stack([features[sha256] for sha256 in asked["sha256"]]))
    as_is = curated[curated["phash"] != NO_HASH]
    trained_on = unit_vectors(np.stack([features[sha256] for sha256 in as_is["sha256"]]))
    copies = pairs_between(unit, trained_on, params.classifier.curate.near_similarity)[:, 0]
    test = asked[~np.isin(np.arange(len(asked)), copies)]
    cleaned = curated[curated["kept"] == "1"]
    sys.stdout.write(
        f"scored on {len(test)} images of {', '.join(classes)}, {len(set(copies))} copies left out\n"
    )
    for name, rows in (("as they are", as_is), ("cleaned", cleaned)):
        right = np.stack([hits(rows, test, features, params, seed) for seed in range(SEEDS)])
        each = ", ".join(f"{value:.3f}" for value in right.mean(axis=1))
        accuracy = f"accuracy {_figure(right[0])}; seeds {each}, mean {right.mean():.3f}"
        sys.stdout.write(f"{name}: {len(rows)} images, {accuracy}\n")


if __name__ == "__main__":
    run_command(main)
