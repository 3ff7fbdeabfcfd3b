"""Run the classifier's stages in a folder of their own, serve the result, and classify images over HTTP."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import yaml

from benchmarks.other_domains_sets import ImageSet, LabelledImage, lay_out
from benchmarks.served_project import ROOT, served
from herodex import paths
from herodex.errors import UserError
from herodex.json_record import read_json

LAST_STAGE, EVALUATION = "train_classifier", "evaluate_classifier"
GIVEN = (str(paths.BACKBONE),)
"""Outputs that exist already, so their stages do not run."""
ALL_IMAGES = 1_000_000
CLIENTS = 2
UNSET = ("MLFLOW_TRACKING_URI", "HERODEX_LIVE")
"""Variables that would let the stages use things outside their folder."""


class Stage(NamedTuple):
    """A stage of `dvc.yaml`: its name and command."""

    name: str
    command: str


class StageError(Exception):
    """A stage ended with an error; the text names it and says why."""


class Answer(NamedTuple):
    """An answer of the service: the likeliest class, whether it is known, the probability of `unknown`."""

    label: str
    known: bool
    unknown: float


@dataclass
class Cost:
    """CPU and wall seconds by stage, and of serving."""

    cpu: dict[str, float] = field(default_factory=dict[str, float])
    wall: dict[str, float] = field(default_factory=dict[str, float])

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Record the seconds of child processes that end within the block."""
        began, spent = time.monotonic(), _child_seconds()
        try:
            yield
        finally:
            self.wall[name] = time.monotonic() - began
            self.cpu[name] = _child_seconds() - spent


def _child_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def stages_for(pipeline: dict[str, Any], last: str, given: Sequence[str] = GIVEN) -> list[Stage]:
    """List the stages that `last` depends on, and `last`, in the order of `dvc.yaml`.

    Args:
        pipeline: the contents of `dvc.yaml`.
        last: a stage.
        given: outputs whose stages are left out.

    Raises:
        UserError: `dvc.yaml` has no such stage.
    """
    stages: dict[str, dict[str, Any]] = pipeline["stages"]
    if last not in stages:
        raise UserError(f"dvc.yaml has no stage {last}.", "Run the benchmark of the same release.")
    outputs = {name: _outputs(stage) for name, stage in stages.items()}
    needed, waiting = set[str](), [last]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        inputs = [path for path in stages[name].get("deps", []) if path not in given]
        waiting += [
            other
            for other in stages
            if other not in needed and any(_overlap(path, out) for path in inputs for out in outputs[other])
        ]
    return [Stage(name, stage["cmd"]) for name, stage in stages.items() if name in needed]


def _outputs(stage: dict[str, Any]) -> list[str]:
    listed = [output for kind in ("outs", "metrics", "plots") for output in stage.get(kind, [])]
    return [path for output in listed for path in ([output] if isinstance(output, str) else output)]


def _overlap(one: str, other: str) -> bool:
    return Path(one).is_relative_to(other) or Path(other).is_relative_to(one)


def read_stages(last: str) -> list[Stage]:
    """Read the stages up to `last` from the checkout's `dvc.yaml`."""
    return stages_for(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8")), last)


def check_models(models: Path) -> None:
    """Check that a folder of models has the backbone, and the generator that the service needs.

    Raises:
        UserError: a file is missing.
    """
    needed = [models / "backbone/backbone.xml", models / "generator/generator.json", names_of(models)]
    if missing := [str(path) for path in needed if not path.exists()]:
        raise UserError(
            f"{', '.join(missing)} is missing.", "Run `make run` first, or give --models of another project."
        )


def names_of(models: Path) -> Path:
    """Return the names that the generator beside the models was trained on."""
    return models.parent / paths.CLEAN_NAMES


def params_for(params: dict[str, Any], classes: Sequence[str], folder: Path) -> dict[str, Any]:
    """Change the contents of `params.yaml` to learn classes from a folder, and to serve all requests."""
    images = params["crawl"]["images"] | {"sources": ["folder"], "per_query": ALL_IMAGES}
    return params | {
        "classes": list(classes),
        "distractors": [],
        "crawl": params["crawl"] | {"web": str(folder), "images": images},
        "serve": params["serve"] | {"requests_per_minute": 0, "workers": 1},
    }


def create_project(folder: Path, images: ImageSet, models: Path, cache: Path) -> None:
    """Create a project folder for a set.

    Args:
        folder: of the project; it must not exist.
        images: the set.
        models: with `backbone` and `generator`.
        cache: file with the features of earlier projects.
    """
    lay_out(images.train, folder / "train")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    changed = params_for(params, images.classes, folder / "train")
    (folder / paths.PARAMS).write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
    shutil.copy(ROOT / "service.py", folder)
    (folder / "models").mkdir()
    for name in ("backbone", "generator"):
        (folder / "models" / name).symlink_to((models / name).resolve())
    (folder / paths.CLEAN_NAMES).parent.mkdir(parents=True)
    shutil.copy(names_of(models), folder / paths.CLEAN_NAMES)
    (folder / ".cache").mkdir()
    (folder / ".cache" / cache.name).symlink_to(cache.resolve())


def use_checkout() -> None:
    """Let child processes import this checkout, and use nothing outside their folder."""
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT.resolve(), ROOT.resolve() / "src")))
    for name in UNSET:
        os.environ.pop(name, None)


def run_stages(folder: Path, stages: Sequence[Stage], cost: Cost, announce: Callable[[str], None]) -> None:
    """Run stages one after the other, as `dvc repro` does; their logs go to `<stage>.log`.

    Raises:
        StageError: a stage failed.
    """
    for number, stage in enumerate(stages, start=1):
        announce(f"stage {number} of {len(stages)}, {stage.name}")
        _, *arguments = shlex.split(stage.command)
        log = folder / f"{stage.name}.log"
        with cost.of(stage.name), log.open("w", encoding="utf-8") as output:
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise StageError(f"{stage.name} failed: {failure(log.read_text(encoding='utf-8'))}")


def failure(log: str) -> str:
    """Return the error of a stage's log: its message for the user, else the last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()] or ["its log is empty"]
    return next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[-1])


def read_report(folder: Path, name: str) -> dict[str, Any]:
    """Read a JSON report of the classifier."""
    return read_json(folder / paths.CLASSIFIER_REPORTS / name)


def ask_all(
    folder: Path,
    images: Sequence[LabelledImage],
    cost: Cost,
    track: Callable[[Iterable[Answer]], list[Answer]],
) -> list[Answer]:
    """Serve a project's models with BentoML and classify images over HTTP, in their order.

    Args:
        folder: of the project.
        images: to classify.
        cost: takes the seconds of serving.
        track: consumes the answers and shows the progress.
    """
    began = time.monotonic()
    with served(folder) as service, httpx.Client(base_url=service.url, timeout=120) as client:

        def ask(image: LabelledImage) -> Answer:
            return classify(client, image.path)

        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = track(pool.map(ask, images))
        processes = [service.supervisor, *service.supervisor.children(recursive=True)]
        cost.cpu["serve"] = sum(_cpu_seconds(process) for process in processes)
    cost.wall["serve"] = time.monotonic() - began
    return answers


def classify(client: httpx.Client, path: Path) -> Answer:
    """Classify an image file over HTTP.

    Raises:
        UserError: the service refused it.
    """
    response = client.post("/api/classify", files={"image": (path.name, path.read_bytes())})
    if response.status_code != 200:
        raise UserError(f"The service refused {path}: {response.text[:200]}", "Remove or convert the file.")
    answer = response.json()
    return Answer(answer["label"], answer["known"], answer["unknown"])


def _cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0
