"""Stage `train_classifier`: a softmax head on the frozen features, and what tells how far to trust it."""

import json
import logging
from typing import Any

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.classifier.embed import read_features
from herodex.classifier.familiarity import class_probabilities
from herodex.classifier.head import fit_head
from herodex.classifier.linear import fit_temperature, fold_numbers, log_loss, out_of_fold
from herodex.classifier.manifest import read_manifest, subjects
from herodex.classifier.metrics import auc
from herodex.classifier.plots import training_figure
from herodex.classifier.predict import GALLERY_COLUMNS, model_hash
from herodex.classifier.space import fit_space
from herodex.classifier.strangers import Examples, all_figures, fit_judge
from herodex.command import run_command
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.figures import save_figure
from herodex.measured import share
from herodex.params import UNKNOWN, Params, TrainClassifierParams, load_params

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


def choose_l2(
    examples: Examples, clusters: np.ndarray, classes: int, count: int, settings: TrainClassifierParams
) -> tuple[pd.DataFrame, int, np.ndarray]:
    """Choose the weight decay by cross-validation over clusters.

    Returns:
        a table with `l2`, `log_loss` and `accuracy` out of fold; the row of the least loss; and its logits,
        float [n, count].
    """
    fold = fold_numbers(clusters, settings.folds)
    logits = out_of_fold(examples.features, examples.labels, count, fold, settings.l2)
    answers = np.minimum(examples.labels, classes)
    rows = [
        {
            "l2": decay,
            "log_loss": log_loss(of_decay, examples.labels, classes),
            "accuracy": float((class_probabilities(of_decay, classes, 1).argmax(axis=1) == answers).mean()),
        }
        for decay, of_decay in zip(settings.l2, logits, strict=True)
    ]
    table = pd.DataFrame(rows).round(6)
    best = int(table["log_loss"].argmin())
    return table, best, logits[best]


def measure_strangers(scores: np.ndarray, strange: np.ndarray, threshold: float, seed: int) -> dict[str, Any]:
    """Say how well scores [n] tell strangers, bool [n], from pictures of the classes."""
    familiar, unfamiliar = scores[~strange], scores[strange]
    at_two_percent = float(np.quantile(familiar, 0.02))
    return {
        "auc": auc(~strange, scores, seed),
        "false_acceptance": share(int((unfamiliar >= threshold).sum()), len(unfamiliar)),
        "false_rejection": share(int((familiar < threshold).sum()), len(familiar)),
        "false_acceptance_at_2_percent": share(int((unfamiliar >= at_two_percent).sum()), len(unfamiliar)),
    }


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
        table, best, logits = choose_l2(train, clusters, classes, count, settings)
        l2 = settings.l2[best]
        temperature = fit_temperature(logits, train.labels, classes)
        seen = list(all_figures(train, validation, classes, count, l2, settings))
        figures, strange = (np.concatenate([part[i] for part in seen]) for i in (1, 2))
        judge = fit_judge(figures, strange, settings.false_acceptance)
        strangers = (
            measure_strangers(judge.score(figures), strange, judge.threshold, params.seed)
            if strange.any() and not strange.all()
            else {}
        )

        # What was chosen is fitted to both parts; only the test part has not been seen.
        space = fit_space(everything.features, fine, settings.shrinkage)
        # Before Keras exports anything: after that NumPy waits for threads that are gone.
        units = space.unit(everything.features).astype(np.float32)
        head, history = fit_head(
            everything.features, fine, count, l2, settings.learning_rate, settings.epochs, params.seed
        )

        folder = paths.CLASSIFIER
        folder.mkdir(parents=True, exist_ok=True)
        head.save_weights(folder / "head.weights.h5")
        export_ir(head, folder / "head.xml")
        normalisation, dense = head.layers[1:]
        deviation = np.sqrt(np.asarray(normalisation.variance)).reshape(-1, 1)
        np.save(folder / "evidence.npy", (np.asarray(dense.kernel) / deviation).astype(np.float32))
        np.save(folder / "space.npy", np.vstack([space.projection, space.origin]))
        np.save(folder / "gallery.npy", units)
        rows[GALLERY_COLUMNS].assign(shows=[labels[i] for i in fine]).to_csv(
            folder / "gallery.csv", index=False, lineterminator="\n"
        )
        record = {
            "classes": params.classes,
            "labels": labels,
            "temperature": temperature,
            "familiarity": {
                "weights": judge.weights.tolist(),
                "bias": judge.bias,
                "threshold": judge.threshold,
                "neighbours": settings.neighbours,
            },
            "l2": l2,
            "backbone": backbone,
            "embed": params.classifier.embed.model_dump(),
            "max_side": params.classifier.clean.max_side,
        }
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        (folder / "classifier.json").write_text(text, encoding="utf-8")

        reports = paths.CLASSIFIER_REPORTS
        reports.mkdir(parents=True, exist_ok=True)
        history.to_csv(reports / "history.csv", index=False, lineterminator="\n")
        table.to_csv(reports / "cross_validation.csv", index=False, lineterminator="\n")
        judged = pd.DataFrame(
            {
                "left_out": np.concatenate([[labels[part[0]]] * len(part[2]) for part in seen]),
                "strange": strange.astype(int),
                "score": judge.score(figures).round(6),
            }
        )
        judged.to_csv(reports / "strangers.csv", index=False, lineterminator="\n")
        answers = np.minimum(train.labels, classes)
        probabilities = class_probabilities(logits, classes, temperature)
        out = rows[["sha256", "query", "label"]][in_train].assign(
            predicted=np.array([*params.classes, UNKNOWN])[probabilities.argmax(axis=1)]
        )
        out.to_csv(reports / "out_of_fold.csv", index=False, lineterminator="\n")
        chosen = {
            "accuracy": share(int((probabilities.argmax(axis=1) == answers).sum()), len(answers)),
            "l2": l2,
            "temperature": temperature,
            "strangers": strangers,
        }
        text = json.dumps(chosen, indent=2) + "\n"
        (reports / "validation.json").write_text(text, encoding="utf-8")
        save_figure(training_figure(history, table, judged, judge.threshold), reports / "training.png")

        for name in ("loss", "accuracy"):
            run.metric_by_epoch(name, history[name].tolist())
        run.metrics({"cross_validated_accuracy": chosen["accuracy"]["value"], "l2": l2})
        run.tags({"model": model_hash(folder), "backbone": backbone["name"]})
        run.artifact(folder)
        run.artifact(reports / "training.png")
        run.keras_model(head, "head", everything.features[:2])
    log.info("cross-validated: %s", chosen)


if __name__ == "__main__":
    run_command(main)
