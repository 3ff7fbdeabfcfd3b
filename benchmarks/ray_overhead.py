"""CPU time of cleaning, embedding and curating on Ray, relative to the local engine.

`python -m benchmarks.ray_overhead` runs the stages on images of this project's crawl, in a folder of its own,
in turn by the local engine and on Ray: a head without CPUs and two nodes of one CPU on loopback. With
`--stages`, stages that are left out give their outputs of this project, for all of its images.
It compares the outputs byte by byte, and counts the CPU seconds of all processes, those of Ray itself too.
"""

import argparse
import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml

from benchmarks.ray_nodes import RayNodes, running_ray
from herodex import paths
from herodex.command import run_command

SOURCE = Path(__file__).resolve().parents[1] / "src"
STAGES = {
    "clean_images": "herodex.curation.clean",
    "embed_images": "herodex.embedding.embed",
    "curate_images": "herodex.curation.curate",
}
OUTPUTS = {
    "clean_images": paths.CLEAN_IMAGES,
    "embed_images": paths.FEATURES,
    "curate_images": paths.CURATED_IMAGES,
}
SAMPLE_S = 0.1


class Cost(NamedTuple):
    """Seconds of one run of a stage: CPU of its processes and of Ray's own, and time."""

    cpu: float
    ray: float
    wall: float


class CpuMeter(threading.Thread):
    """Adds up the CPU time of processes and their descendants, ended ones included, by sampling."""

    def __init__(self, roots: list[psutil.Process]) -> None:
        super().__init__(daemon=True)
        self.roots, self.stopped = roots, threading.Event()
        self.first, self.last = dict[tuple[int, float], float](), dict[tuple[int, float], float]()
        self.workers = set[tuple[int, float]]()
        self.sample(self.first)

    def sample(self, into: dict[tuple[int, float], float]) -> None:
        """Note the CPU seconds of all running processes."""
        for root in self.roots:
            try:
                for process in (root, *root.children(recursive=True)):
                    spent = process.cpu_times()
                    key = process.pid, process.create_time()
                    if root is self.roots[0] or (key not in into and is_worker(process)):
                        self.workers.add(key)
                    into[key] = spent.user + spent.system
            except psutil.Error:
                continue

    def run(self) -> None:
        """Sample until `totals` is called."""
        while not self.stopped.wait(SAMPLE_S):
            self.sample(self.last)

    def totals(self) -> tuple[float, float]:
        """Stop, and return the CPU seconds of the first root and all workers, and of the other processes."""
        self.stopped.set()
        self.join()
        self.sample(self.last)
        spent = {key: seconds - self.first.get(key, 0.0) for key, seconds in self.last.items()}
        of_stage = sum(seconds for key, seconds in spent.items() if key in self.workers)
        return of_stage, sum(spent.values()) - of_stage


def is_worker(process: psutil.Process) -> bool:
    """Return whether a process of Ray runs tasks."""
    line = " ".join(process.cmdline())
    return (line.startswith("ray::") and "Agent" not in line) or "default_worker.py" in line


def prepare(folder: Path, count: int) -> None:
    """Fill a project folder with every n-th result of this project's crawl, and its backbone."""
    with (paths.RAW_IMAGES / paths.MANIFEST).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = rows[:: max(1, len(rows) // count)][:count]
    for row in rows:
        target = folder / paths.RAW_IMAGES / row["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if row["file"]:
            shutil.copy(paths.RAW_IMAGES / row["file"], target)
    with (folder / paths.RAW_IMAGES / paths.MANIFEST).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    shutil.copytree(paths.BACKBONE, folder / paths.BACKBONE)


def set_engine(folder: Path, engine: str, address: str) -> None:
    """Write the project's `params.yaml` with another engine."""
    values = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    values["scale"] = {"engine": engine, "address": address}
    (folder / paths.PARAMS).write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def run_stage(folder: Path, module: str, nodes: RayNodes) -> Cost:
    """Run a stage and measure it."""
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    driver = subprocess.Popen([sys.executable, "-m", module], cwd=folder, env=environment)
    ray = [process for place in range(len(nodes.processes)) for process in nodes.tree(place)[:1]]
    meter = CpuMeter([psutil.Process(driver.pid), *ray])
    # The driver has used no CPU before the meter starts.
    meter.first = {key: spent for key, spent in meter.first.items() if key[0] != driver.pid}
    meter.start()
    if driver.wait() != 0:
        raise SystemExit(f"{module} failed")
    return Cost(*meter.totals(), time.perf_counter() - started)


def outputs(folder: Path) -> dict[str, bytes]:
    """Read the clean images, their manifest, the features, and the curated manifest."""
    images = folder / paths.CLEAN_IMAGES
    files = [*images.parent.glob("*.npy"), *images.parent.glob("*.csv"), *images.rglob("*.*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def run_engine(
    folder: Path, nodes: RayNodes, stages: Sequence[str]
) -> tuple[dict[str, Cost], dict[str, bytes]]:
    """Run stages from the start; return their costs and outputs."""
    for path in (Path(".cache"), *(OUTPUTS[stage] for stage in stages)):
        found = folder / path
        shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    costs = {stage: run_stage(folder, STAGES[stage], nodes) for stage in stages}
    return costs, outputs(folder)


def main() -> None:
    """Print the CPU seconds of both engines and whether the outputs are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    options = parser.parse_args()
    found: dict[str, list[dict[str, Cost]]] = {"local": [], "ray": []}
    first: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="herodex-") as name, running_ray(2) as nodes:
        folder = Path(name)
        prepare(folder, options.images)
        if "clean_images" not in options.stages:
            shutil.copytree(paths.CLEAN_IMAGES, folder / paths.CLEAN_IMAGES)
        if "embed_images" not in options.stages:
            shutil.copy(paths.FEATURES, folder / paths.FEATURES)
        for _ in range(options.rounds):
            for engine, costs in found.items():
                set_engine(folder, engine, nodes.address)
                cost, files = run_engine(folder, nodes, options.stages)
                costs.append(cost)
                first = first or files
                same = "the same" if files == first else "DIFFERENT"
                sys.stdout.write(f"{engine}: {len(files)} files, {same}\n")
    for stage in options.stages:
        local, ray = (
            Cost(*map(statistics.median, zip(*(cost[stage] for cost in costs), strict=True)))
            for costs in found.values()
        )
        sys.stdout.write(
            f"{stage}: CPU {local.cpu:.1f} s locally, {ray.cpu:.1f} s on Ray ({ray.cpu / local.cpu - 1:+.0%})"
            f" and {ray.ray:.1f} s in Ray's own processes, {local.ray:.1f} s when they wait;"
            f" time {local.wall:.1f} s and {ray.wall:.1f} s\n"
        )


if __name__ == "__main__":
    run_command(main)
