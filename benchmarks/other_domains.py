"""Measure the whole classifier on image sets of other domains, beside two plain baselines.

`python -m benchmarks.other_domains FOLDER` reads FOLDER/SET/PART/CLASS/IMAGE; PART is `train` or `test`.
For each set, and for each of several random splits of it, it runs the classifier's stages on the training
images, serves the result, and asks the service for every test image and for test images of the other sets,
which are out of distribution. Both baselines learn from the same training images as they are: logistic
regression on mean-pooled features of the same backbone, and on the features that `params.yaml` asks for.

It writes `answers.csv`, `runs.csv` and `figures.csv`, and prints the figures. `--noise` spoils the training
part first. `--work` keeps the features, so that another run does not compute them again.
"""

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.other_domains_baselines import BASELINES, FeatureTable, baseline_answers
from benchmarks.other_domains_figures import Figure, compare_with_cross_validation, summarise, table
from benchmarks.other_domains_project import (
    EVALUATION,
    LAST_STAGE,
    Cost,
    Stage,
    StageError,
    ask_all,
    check_models,
    create_project,
    read_report,
    read_stages,
    run_stages,
    use_checkout,
)
from benchmarks.other_domains_sets import (
    NOISES,
    ImageSet,
    LabelledImage,
    Noise,
    add_noise,
    read_sets,
    redistribute,
    sample_others,
)
from benchmarks.served_project import ROOT
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import load_params
from herodex.progress import track

log = logging.getLogger(__name__)

CACHE, PROJECTS = paths.FEATURE_CACHE.name, "projects"


@dataclass(frozen=True)
class Options:
    """What to run: see `--help`."""

    folder: Path
    sets: list[str]
    splits: int
    seed: int
    noise: Noise
    others: int
    models: Path
    work: Path | None
    out: Path
    evaluate: bool


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.other_domains", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="folder of the sets")
    parser.add_argument("--sets", type=_names, default=[], help="names, separated by commas; default: all")
    parser.add_argument(
        "--splits", type=_count, default=3, help="splits of each set; the first is the given one"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the splits, the noise and the samples")
    parser.add_argument("--noise", choices=NOISES, default="none", help="noise in the training part")
    parser.add_argument("--others", type=_count, default=100, help="most test images of each other set")
    parser.add_argument(
        "--models", type=Path, default=paths.MODELS, help="folder with backbone and generator"
    )
    parser.add_argument(
        "--work", type=Path, help="folder to keep features and projects in; default: temporary"
    )
    parser.add_argument(
        "--out", type=Path, default=paths.REPORTS / "other_domains", help="folder of the tables"
    )
    parser.add_argument("--evaluate", action="store_true", help="run evaluate_classifier as well; slow")
    return Options(**vars(parser.parse_args(arguments)))


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


@dataclass(frozen=True)
class Plan:
    """One run: a split of a set with noise in training, and the images of other sets to ask for."""

    images: ImageSet
    split: int
    others: list[LabelledImage]

    @property
    def name(self) -> str:
        """The set and the number of the split, from 1."""
        return f"{self.images.name}-{self.split + 1}"


def plan_runs(
    sets: Sequence[ImageSet], options: Options, folder: Path, refused: Collection[Path]
) -> list[Plan]:
    """Plan all runs, split by split, so that an interrupted benchmark has covered every set.

    Args:
        sets: as given.
        options: how many splits, the noise, and the size of samples.
        folder: for copied test images.
        refused: files that the service does not accept; they are no test images.
    """
    plans: list[Plan] = []
    for number in range(options.splits):
        split = [without_refused(redistribute(images, number, options.seed), refused) for images in sets]
        for images in split:
            others = [other for other in split if other is not images]
            rng = random.Random(f"{options.seed}/{number}/{images.name}/{options.noise}")
            asked = sample_others(others, options.others, random.Random(f"{options.seed}/{number}/others"))
            copies = folder / f"{images.name}-{number + 1}"
            plans.append(Plan(add_noise(options.noise, images, others, copies, rng), number, asked))
    return plans


def without_refused(images: ImageSet, refused: Collection[Path]) -> ImageSet:
    """Leave out test images that the service does not accept."""
    return replace(images, test=tuple(image for image in images.test if image.path not in refused))


def run(
    plan: Plan,
    folder: Path,
    stages: Sequence[Stage],
    features: FeatureTable,
    options: Options,
    announce: Callable[[str], None],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Train on a split, ask the service and both baselines, and return the answers and the run's row.

    Raises:
        StageError: a stage failed.
        TimeoutError: the service did not start.
    """
    cost = Cost()
    images, asked = plan.images, [*plan.images.test, *plan.others]
    create_project(folder, images, options.models, features.cache)
    run_stages(folder, stages, cost, announce)
    announce(f"asks the service for {len(asked)} images")
    served = ask_all(folder, asked, cost, lambda answers: [*track(answers, len(asked), plan.name, "images")])
    baselines = baseline_answers(features, images.train, images.test)
    copied = set(images.copied)
    rows = pd.DataFrame(
        {
            "noise": options.noise,
            "set": images.name,
            "split": plan.split + 1,
            "image": [str(image.path) for image in asked],
            "own": [place < len(images.test) for place in range(len(asked))],
            "true": [image.label for image in asked],
            "copied": [image in copied for image in asked],
            "label": [answer.label for answer in served],
            "known": [answer.known for answer in served],
            "unknown": [answer.unknown for answer in served],
            **{name: baselines[name] + [""] * len(plan.others) for name in BASELINES},
        }
    )
    return rows, describe_run(plan, rows, folder, cost, options)


def describe_run(
    plan: Plan, answers: pd.DataFrame, folder: Path, cost: Cost, options: Options
) -> dict[str, Any]:
    """Make the row of `runs.csv`."""
    row: dict[str, Any] = {"noise": options.noise, "set": plan.images.name, "split": plan.split + 1}
    row |= {"classes": len(plan.images.classes), "train": len(plan.images.train)}
    row |= compare_with_cross_validation(answers, read_report(folder, "validation.json")["accuracy"])
    if options.evaluate:
        tested = read_report(folder, "metrics.json")["accuracy"]
        row |= {f"own_test_{key}": tested[key] for key in ("value", "low", "high", "n")}
    row |= {"cpu_s": sum(cost.cpu.values()), "wall_s": sum(cost.wall.values())}
    return row | {f"cpu_s_{name}": seconds for name, seconds in cost.cpu.items()}


def announcer(plan: Plan, number: int, count: int, began: float) -> Callable[[str], None]:
    """Return a function that logs what a run does, with the time left if an earlier run has ended."""
    started = time.monotonic()

    def announce(text: str) -> None:
        usual = (started - began) / max(1, number - 1)
        left = usual * (count - number) + max(0.0, usual - (time.monotonic() - started))
        after = f"; about {left / 60:.0f} min left" if number > 1 else ""
        log.info("run %d of %d, %s: %s%s", number, count, plan.name, text, after)

    return announce


def prepare_work(work: Path) -> Path:
    """Return the folder for projects, without those of an earlier benchmark.

    Raises:
        UserError: the folder holds other things.
    """
    work.mkdir(parents=True, exist_ok=True)
    if other := sorted(path.name for path in work.iterdir() if not path.name.startswith((CACHE, PROJECTS))):
        raise UserError(f"{work} holds other things: {', '.join(other[:5])}.", "Give --work an empty folder.")
    shutil.rmtree(work / PROJECTS, ignore_errors=True)
    return work / PROJECTS


def report(options: Options, answers: pd.DataFrame, runs: pd.DataFrame) -> list[Figure]:
    """Compute the figures, and write them, the answers and the runs as CSV."""
    figures = summarise(answers, runs, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("answers", answers), ("runs", runs), ("figures", pd.DataFrame(figures))):
        rows.to_csv(options.out / f"{name}.csv", index=False, lineterminator="\n")
    return figures


def measure(options: Options, work: Path) -> list[str]:
    """Run everything, write the tables and print the figures; return why runs failed."""
    sets = read_sets(options.folder, options.sets)
    check_models(options.models)
    stages = read_stages(EVALUATION if options.evaluate else LAST_STAGE)
    projects = prepare_work(work)
    features = FeatureTable(
        load_params(ROOT / paths.PARAMS), options.models / paths.FETCHED_BACKBONE.name, work / CACHE
    )
    features.add([image.path for images in sets for image in (*images.train, *images.test)])
    if refused := [f"{path} ({reason})" for path, reason in features.refused.items()]:
        log.warning("%d files are in no test part, the service refuses them: %s", len(refused), refused[:5])
    plans = plan_runs(sets, options, projects / "copies", features.refused)
    features.add([image.path for plan in plans for image in plan.images.train])
    answers: list[pd.DataFrame] = []
    runs: list[dict[str, Any]] = []
    failed: list[str] = []
    figures: list[Figure] = []
    began = time.monotonic()
    for number, plan in enumerate(plans, start=1):
        announce = announcer(plan, number, len(plans), began)
        try:
            rows, row = run(plan, projects / plan.name, stages, features, options, announce)
        except (StageError, TimeoutError) as error:
            failed.append(f"{plan.name}: {error}")
            announce(str(error))
            continue
        answers.append(rows)
        runs.append(row)
        # An interrupted benchmark leaves the figures of the runs that ended.
        figures = report(options, pd.concat(answers, ignore_index=True), pd.DataFrame(runs))
    sys.stdout.write(f"{table(figures)}\n")
    return failed


def main() -> None:
    """Measure the sets that the command line names."""
    options = read_options()
    use_checkout()
    with nullcontext(options.work) if options.work else tempfile.TemporaryDirectory() as work:
        failed = measure(options, Path(work).resolve())
    if failed:
        raise UserError(f"{len(failed)} runs failed: {'; '.join(failed)}.", "The figures leave them out.")


if __name__ == "__main__":
    run_command(main)
