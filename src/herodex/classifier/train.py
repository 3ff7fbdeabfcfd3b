"""Stage `train_classifier`: a softmax head on the frozen features, and what tells how far to trust it."""

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.classifier.dropout_head import fit_dropout_head
from herodex.classifier.examples import Examples
from herodex.classifier.head import build_head, fit_head
from herodex.classifier.labels import labels_of
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import fold_numbers
from herodex.classifier.model_selection import Selection, choose
from herodex.classifier.recipes import Recipe, features_for, find_recipe, list_recipes
from herodex.classifier.training_plot import training_figure
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.export import export_ir
from herodex.inference.ood import Whitening
from herodex.inference.predict import GALLERY_COLUMNS, model_hash
from herodex.params import UNKNOWN, Params, load_params
from herodex.plotting import save_figure

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def recipe_to_follow(params: Params, tuned: bool) -> Recipe:
    """Read which recipe was found the best; a backbone is tuned for that of the params."""
    if tuned:
        return list_recipes(params.classifier.embed)[-1]
    compared = json.loads((paths.CLASSIFIER_REPORTS / "recipes.json").read_text(encoding="utf-8"))
    return find_recipe(compared["chosen"], params.classifier.embed)


def fit_final(
    recipe: Recipe, examples: Examples, count: int, l2: float, params: Params
) -> tuple["keras.Model", pd.DataFrame]:
    """Train the head that is served, as the recipe says; returns it, and its `epoch`, `loss`, `accuracy`."""
    if recipe.dropout:
        settings = params.classifier.compare
        linear, history = fit_dropout_head(examples, count, settings, params.seed)
        return build_head(linear.mean, linear.deviation, linear.kernel, linear.bias), history
    settings = params.classifier.train
    return fit_head(examples, count, l2, settings.learning_rate, settings.epochs, params.seed)


def write_model(
    folder: Path,
    head: "keras.Model",
    space: Whitening,
    units: np.ndarray,
    gallery: pd.DataFrame,
    record: dict[str, Any],
) -> None:
    """Write what the service loads, and the head as Keras weights beside it.

    Args:
        folder: of the classifier.
        head: from features to logits.
        space: in which images are compared.
        units: where the images that were learnt from lie in it, float32 [n, dimensions].
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


def write_reports(folder: Path, choice: Selection, tables: dict[str, pd.DataFrame]) -> None:
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
    tuned = paths.TUNED_FEATURES.exists()
    recipe = recipe_to_follow(params, tuned)
    backbone = json.loads((paths.TUNED / "backbone.json").read_text(encoding="utf-8"))
    rows = manifest[manifest["part"].isin(["train", "validation"])]
    labels, shown = labels_of(rows, params, recipe.fine)
    classes, count = len(params.classes), len(labels)
    table = paths.TUNED_FEATURES if tuned else paths.FEATURES
    everything = Examples(features_for(recipe, rows["sha256"].tolist(), table), shown)
    in_train = (rows["part"] == "train").to_numpy()
    train, validation = everything.chosen(in_train), everything.chosen(~in_train)
    if tuned:
        # The backbone has seen all of the training part: the validation part alone can judge the head.
        judged, fold = everything, np.where(in_train, -1, 0)
    else:
        judged = train
        fold = fold_numbers(rows["duplicate_group"].to_numpy(str)[in_train], settings.folds)
    with tracking.run("train_classifier", settings) as run:
        choice = choose(
            judged,
            fold,
            train,
            validation,
            classes,
            count,
            recipe,
            params.classifier,
            params.seed,
        )

        # What was chosen is fitted to both parts; only the test part has not been seen.
        space = fit_whitening(everything, settings.shrinkage)
        # Before Keras exports anything: after that NumPy waits for threads that are gone.
        units = space.unit(everything.features).astype(np.float32)
        head, history = fit_final(recipe, everything, count, choice.l2, params)
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
            "recipe": recipe.name,
            "l2": choice.l2,
            "backbone": backbone,
            "embed": recipe.embed.model_dump(),
            "max_side": params.classifier.clean.max_side,
        }
        gallery = rows[GALLERY_COLUMNS].assign(shows=[labels[i] for i in shown])
        write_model(paths.CLASSIFIER, head, space, units, gallery, record)
        if tuned:
            for name in ("backbone.xml", "backbone.bin"):
                shutil.copy(paths.TUNED / name, paths.CLASSIFIER)
        answers = np.array([*params.classes, UNKNOWN])[choice.probabilities.argmax(axis=1)]
        tables = {
            "history": history,
            "cross_validation": choice.by_l2,
            "strangers": choice.strangers.assign(
                left_out=[labels[i] if i >= 0 else "" for i in choice.strangers["left_out"]]
            ),
            "out_of_fold": rows[["sha256", "query", "label"]][in_train != tuned].assign(predicted=answers),
        }
        write_reports(paths.CLASSIFIER_REPORTS, choice, tables)

        for name in ("loss", "accuracy"):
            run.metric_by_epoch(name, history[name].tolist())
        run.metrics({"cross_validated_accuracy": choice.figures["accuracy"]["value"], "l2": choice.l2})
        run.tags({"model": model_hash(paths.CLASSIFIER), "backbone": backbone["name"], "recipe": recipe.name})
        run.artifact(paths.CLASSIFIER)
        run.artifact(paths.CLASSIFIER_REPORTS / "training.png")
        run.keras_model(head, "head", everything.features[:2])
    log.info("cross-validated: %s", choice.figures)


if __name__ == "__main__":
    run_command(main)
