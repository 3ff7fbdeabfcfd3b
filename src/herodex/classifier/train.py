"""Stage `train_classifier`: a softmax head on the frozen features, and what tells how far to trust it."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.classifier.choose import Choice, choose
from herodex.classifier.familiarity import Space
from herodex.classifier.features_table import read_features
from herodex.classifier.head import fit_head
from herodex.classifier.manifest import read_manifest, subjects
from herodex.classifier.plots import training_figure
from herodex.classifier.predict import GALLERY_COLUMNS, model_hash
from herodex.classifier.space import fit_space
from herodex.classifier.strangers import Examples
from herodex.command import run_command
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.figures import save_figure
from herodex.params import UNKNOWN, Params, load_params

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def fine_labels(rows: pd.DataFrame, params: Params) -> tuple[list[str], np.ndarray]:
    """Name what the head tells apart: the classes, each distractor, and what a person called unknown.

    Each distractor is a label of its own, because what is none of the classes has little in common; an answer
    gives the sum of them.

    Returns:
        the labels that have a picture in `rows`, and the classes in any case; and each row's label, int [n].
    """
    shown = np.where(subjects(rows, params) == "", UNKNOWN, subjects(rows, params))
    others = [name for name in [*params.distractors, UNKNOWN] if (shown == name).any()]
    labels = [*params.classes, *others]
    return labels, np.array([labels.index(name) for name in shown], int)


def write_model(
    folder: Path,
    head: "keras.Model",
    space: Space,
    units: np.ndarray,
    gallery: pd.DataFrame,
    record: dict[str, Any],
) -> None:
    """Write what the service loads, and the head as Keras weights beside it.

    Args:
        folder: of the classifier.
        head: from features to logits.
        space: in which pictures are compared.
        units: where the pictures that were learnt from lie in it, float32 [n, dimensions].
        gallery: where they are from and what they show, a row each.
        record: `classifier.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head.save_weights(folder / "head.weights.h5")
    export_ir(head, folder / "head.xml")
    normalisation, dense = cast(Any, head.layers[1:])
    deviation = np.sqrt(np.asarray(normalisation.variance)).reshape(-1, 1)
    np.save(folder / "evidence.npy", (np.asarray(dense.kernel) / deviation).astype(np.float32))
    np.save(folder / "space.npy", np.vstack([space.projection, space.origin]))
    np.save(folder / "gallery.npy", units)
    gallery.to_csv(folder / "gallery.csv", index=False, lineterminator="\n")
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / "classifier.json").write_text(text, encoding="utf-8")


def write_reports(folder: Path, choice: Choice, tables: dict[str, pd.DataFrame]) -> None:
    """Write how the classifier was trained: `tables` by their names, the plot, and the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    text = json.dumps(choice.figures, indent=2) + "\n"
    (folder / "validation.json").write_text(text, encoding="utf-8")
    figure = training_figure(tables["history"], choice.by_l2, choice.strangers, choice.judge.threshold)
    save_figure(figure, folder / "training.png")


def main() -> None:
    """Write the head as Keras weights and as IR, what judges and explains answers, and how it was trained."""
    params = load_params()
    settings = params.classifier.train
    manifest = read_manifest(paths.SPLIT_IMAGES)
    features = read_features(paths.FEATURES, "views")
    backbone = json.loads((paths.BACKBONE / "backbone.json").read_text(encoding="utf-8"))
    rows = manifest[manifest["part"].isin(["train", "validation"])]
    labels, fine = fine_labels(rows, params)
    classes, count = len(params.classes), len(labels)
    everything = Examples(np.stack([features[sha256] for sha256 in rows["sha256"]]), fine)
    in_train = (rows["part"] == "train").to_numpy()
    train, validation = (
        Examples(everything.features[chosen], fine[chosen]) for chosen in (in_train, ~in_train)
    )
    if len(np.unique(train.labels)) < 2:
        raise UserError(
            "train_classifier: the training part shows a single thing.",
            "Add a class or a distractor to params.yaml, or more pictures.",
        )
    with tracking.run("train_classifier", settings) as run:
        clusters = rows["cluster"].to_numpy(str)[in_train]
        choice = choose(train, validation, clusters, classes, count, settings, params.seed)

        # What was chosen is fitted to both parts; only the test part has not been seen.
        space = fit_space(everything.features, fine, settings.shrinkage)
        # Before Keras exports anything: after that NumPy waits for threads that are gone.
        units = space.unit(everything.features).astype(np.float32)
        head, history = fit_head(
            everything.features, fine, count, choice.l2, settings.learning_rate, settings.epochs, params.seed
        )
        record = {
            "classes": params.classes,
            "labels": labels,
            "temperature": choice.temperature,
            "familiarity": {
                "weights": choice.judge.weights.tolist(),
                "bias": choice.judge.bias,
                "threshold": choice.judge.threshold,
                "neighbours": settings.neighbours,
            },
            "l2": choice.l2,
            "backbone": backbone,
            "embed": params.classifier.embed.model_dump(),
            "max_side": params.classifier.clean.max_side,
        }
        gallery = rows[GALLERY_COLUMNS].assign(shows=[labels[i] for i in fine])
        write_model(paths.CLASSIFIER, head, space, units, gallery, record)
        answers = np.array([*params.classes, UNKNOWN])[choice.probabilities.argmax(axis=1)]
        tables = {
            "history": history,
            "cross_validation": choice.by_l2,
            "strangers": choice.strangers.assign(
                left_out=[labels[i] if i >= 0 else "" for i in choice.strangers["left_out"]]
            ),
            "out_of_fold": rows[["sha256", "query", "label"]][in_train].assign(predicted=answers),
        }
        write_reports(paths.CLASSIFIER_REPORTS, choice, tables)

        for name in ("loss", "accuracy"):
            run.metric_by_epoch(name, history[name].tolist())
        run.metrics({"cross_validated_accuracy": choice.figures["accuracy"]["value"], "l2": choice.l2})
        run.tags({"model": model_hash(paths.CLASSIFIER), "backbone": backbone["name"]})
        run.artifact(paths.CLASSIFIER)
        run.artifact(paths.CLASSIFIER_REPORTS / "training.png")
        run.keras_model(head, "head", everything.features[:2])
    log.info("cross-validated: %s", choice.figures)


if __name__ == "__main__":
    run_command(main)
