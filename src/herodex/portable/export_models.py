"""Export both models as self-contained files of another runtime, checked against the served answers."""

import csv
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import openvino as ov
from jaxtyping import UInt8

from herodex import paths
from herodex.dataset.manifest import read_clean, read_manifest
from herodex.errors import UserError
from herodex.generator.language_model import LanguageModel, load_language_model, run_step, start_batch
from herodex.generator.vocabulary import encode, pad
from herodex.inference.predict import Classifier, load_classifier, to_prediction
from herodex.params import UNKNOWN, load_params
from herodex.portable.classifier_graph import classifier_graph, read_backbone
from herodex.portable.executed import drop_skipped_roundings
from herodex.portable.formats import FORMATS, Format
from herodex.portable.runtimes import Runner, Values
from herodex.portable.whole_floats import write_out_rounding
from herodex.progress import track

log = logging.getLogger(__name__)

TOLERANCE = 1e-3
EXAMPLES = Path(__file__).with_name("examples")


@dataclass(frozen=True)
class Check:
    """How an exported classifier's answers differ from those that are served.

    Attributes:
        images: how many were answered by both.
        other_answers: files with another answer.
        differences: the largest difference of a probability, for each image.
    """

    images: int
    other_answers: list[str]
    differences: list[float]

    def __str__(self) -> str:
        equal = self.images - len(self.other_answers)
        most, median = max(self.differences, default=0), np.median(self.differences or [0])
        text = (
            f"{equal} of {self.images} answers are the served ones; probabilities differ by at most"
            f" {most:.2g}, by {median:.2g} in the median"
        )
        beyond = sum(difference > TOLERANCE for difference in self.differences)
        return f"{text}, by more than {TOLERANCE:g} for {beyond} images" if beyond else text


def export_models(to: str, out: Path, check: int) -> None:
    """Export the models of `models/`, describe how to read them, and compare answers.

    Args:
        to: a key of `FORMATS`.
        out: folder to write to.
        check: images of the test split to compare; 0: none.

    Raises:
        UserError: a package or a model is missing, or an answer differs from the served one.
    """
    chosen = FORMATS[to]
    package, extra = chosen.package
    if find_spec(package) is None:
        raise UserError(
            f"The export to {to} needs the package {package}.", f"Install the extra {extra} of herodex."
        )
    params = load_params()
    classifier = load_classifier(paths.MODELS, params.backbone.precision)
    language_model = load_language_model(paths.GENERATOR)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{out} cannot be written: {error.strerror}.", "Give another folder with --out."
        ) from None
    description = describe(classifier, language_model)
    (out / "herodex.json").write_text(
        json.dumps(description, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    flat = {key: json.dumps(value, ensure_ascii=False) for key, value in description.items()}
    graphs = {
        "classifier": _classifier_graph(classifier, chosen),
        "generator_step": cast(ov.Model, cast(Any, ov.Core()).read_model(paths.GENERATOR / "gru.xml")),
    }
    for name, graph in graphs.items():
        file = out / f"{name}{chosen.suffix}"
        chosen.write(graph, file, flat)
        log.info("%s: %.1f MB", file, _megabytes(file))
    for name in chosen.examples:
        # Each runtime has its own program of this name.
        example = "names.py" if name.startswith("names_") else f"example{Path(name).suffix}"
        shutil.copy(EXAMPLES / name, out / example)
        log.info("%s shows how to use it", out / example)
    if check:
        report(compare(classifier, chosen, out, check))
        check_steps(language_model, chosen.load(out / f"generator_step{chosen.suffix}"), known_texts())


def _classifier_graph(classifier: Classifier, chosen: Format) -> ov.Model:
    """Build the graph of a classifier in operations that the format's runtime has."""
    tuned = paths.CLASSIFIER / "backbone.xml"
    read = partial(read_backbone, tuned if tuned.exists() else paths.BACKBONE / "backbone.xml", classifier)
    if chosen.integers:
        return classifier_graph(read(), classifier)
    graph = classifier_graph(drop_skipped_roundings(read), classifier)
    write_out_rounding(graph)
    return graph


def _megabytes(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path, path.with_suffix(".bin")]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def describe(classifier: Classifier, language_model: LanguageModel) -> dict[str, Any]:
    """Return what a program needs to know to read the outputs."""
    return {
        "answers": [*classifier.classes, UNKNOWN],
        "labels": list(classifier.labels),
        "model": classifier.model,
        "max_side": classifier.max_side,
        "characters": list(language_model.vocabulary.characters),
        "units": language_model.units,
        "max_length": language_model.max_length,
    }


def compare(classifier: Classifier, chosen: Format, out: Path, most: int) -> Check:
    """Ask the exported classifier and the served one about the same images.

    Raises:
        UserError: the runtime is not installed.
    """
    if find_spec(chosen.runtime) is None:
        raise UserError(
            f"The export is written, but not checked: the package {chosen.runtime} is missing.",
            "Install it, or skip the check with --check 0.",
        )
    run = chosen.load(out / f"classifier{chosen.suffix}")
    others: list[str] = []
    differences: list[float] = []
    files = test_files(most)
    for file, pixels in track(_images(files), len(files), "check", "images"):
        served = classifier.run([pixels])
        found = run({"image": pixels})
        prediction = to_prediction(classifier, served)
        answers = [*classifier.classes, UNKNOWN]
        expected = prediction.label if prediction.known else UNKNOWN
        if answers[int(found["answer"])] != expected:
            others.append(file)
        differences.append(float(np.abs(served.probabilities[0] - found["probabilities"]).max()))
    return Check(len(files), others, differences)


def known_texts() -> list[str]:
    """List the names of the data set; none without it."""
    if not paths.CLEAN_NAMES.exists():
        return []
    with paths.CLEAN_NAMES.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file) if row["text"]]


def check_steps(model: LanguageModel, run: Runner, texts: Sequence[str]) -> None:
    """Feed names to the exported step and to the served one, character by character, and log the difference.

    Args:
        model: the served one.
        run: the exported step.
        texts: the names; without any, each character.

    Raises:
        UserError: the logits differ.
    """
    tokens, _, weights = pad(encode(model.vocabulary, texts or model.vocabulary.characters))
    request, state = start_batch(model, len(tokens))
    found: Values = {"next_state": state}
    most = 0.0
    for place in range(tokens.shape[1]):
        expected, state = run_step(request, tokens[:, place], state)
        found = run({"token": tokens[:, place].astype(np.int32), "state": found["next_state"]})
        counts = weights[:, place] > 0
        most = max(most, float(np.abs(expected - found["logits"])[counts].max(initial=0)))
    steps = int((weights > 0).sum())
    log.info("generator: the logits of %d steps of %d names differ by at most %.2g", steps, len(tokens), most)
    if most > TOLERANCE:
        raise UserError(
            f"The exported generator's logits differ from the served ones by up to {most:.2g}.",
            "Export to another format, or report this with the versions of both runtimes.",
        )


def _images(files: Sequence[str]) -> Iterator[tuple[str, UInt8[np.ndarray, "_h _w 3"]]]:
    return ((file, read_clean(file)) for file in files)


def test_files(most: int) -> list[str]:
    """List images of the test split, evenly chosen; of all kept ones if there is no test split."""
    manifest = read_manifest(paths.SPLIT_IMAGES)
    kept = manifest[manifest["kept"] == "1"]
    chosen = kept[kept["part"] == "test"] if (kept["part"] == "test").any() else kept
    places = np.unique(np.linspace(0, len(chosen) - 1, min(most, len(chosen))).round().astype(int))
    return [str(file) for file in chosen["file"].iloc[places]]


def report(check: Check) -> None:
    """Log the result of a check.

    Raises:
        UserError: an answer differs.
    """
    log.info("%s", check)
    if check.other_answers:
        raise UserError(
            f"The exported classifier answers {len(check.other_answers)} of {check.images} images otherwise"
            f" than the served one, first {check.other_answers[0]}.",
            "Set backbone.precision: f32 in params.yaml, then run: make run",
        )
