"""Stages on Ray give the bytes of the local engine, also after processes, nodes and the driver are killed.

Two nodes of one CPU on loopback embed drawn images by a network of two layers in place of the backbone.
"""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops
from PIL import Image
from processes import is_alive
from shared_storage import BUCKET, KEYS, s3_server
from workspace import Workspace

from benchmarks.ray_nodes import RayNodes, running_ray
from herodex.kernels import KERNELS

T = TypeVar("T")

IMAGES = 96
SHARDS = 6
CLEAN, EMBED, CURATE = "herodex.curation.clean", "herodex.embedding.embed", "herodex.curation.curate"
FEATURES, CURATED = "data/images/features.npy", "data/images/curated.csv"
OUTPUTS = ("data/images/clean", FEATURES, CURATED, ".cache")
PATIENCE_S = 120


def draw(seed: int) -> bytes:
    """Draw sharp blobs as JPEG, PNG or WebP; the last are duplicates, and a few are cut off or no images."""
    rng = np.random.default_rng(seed % 80)
    blobs = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    file = io.BytesIO()
    image = blobs.resize((640, 480), Image.Resampling.NEAREST)
    image.save(file, ("JPEG", "PNG", "WEBP")[seed % 3])
    return {40: file.getvalue()[:900], 70: b"<html></html>"}.get(seed, file.getvalue())


def write_crawl(folder: Path, classes: list[str]) -> None:
    """Write downloads and their manifest."""
    rows = []
    for seed in range(IMAGES):
        data, label = draw(seed), classes[seed % len(classes)]
        name = f"{label}/{seed}.bin"
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        rows.append(
            {
                "query": label,
                "label": label,
                "status": "ok",
                "sha256": hashlib.sha256(data).hexdigest(),
                "file": name,
            }
        )
    rows[7] |= {"status": "timeout", "sha256": "", "file": ""}
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_backbone(folder: Path) -> None:
    """Write a network of two convolutions with the outputs of a backbone."""
    rng = np.random.default_rng(3)
    rgb = ops.parameter(ov.PartialShape([-1, -1, -1, 3]), np.float32, name="rgb")
    first_last, last_first = ops.constant([0, 2, 3, 1]), ops.constant([0, 3, 1, 2])
    # Around grey, so that the mean colours of two images give them different directions.
    maps, outputs = ops.transpose(ops.subtract(rgb, ops.constant(np.float32(127.5))), last_first), []
    for stage, (channels, stride) in enumerate([(16, 16), (32, 2)], start=4):
        shape = (channels, 3 if stage == 4 else 16, stride, stride)
        weights = ops.constant(rng.normal(0, 0.1, shape).astype(np.float32))
        maps = ops.convolution(maps, weights, [stride, stride], [0, 0], [0, 0], [1, 1])
        output = ops.transpose(maps, first_last).output(0)
        output.set_names({f"stage_{stage}"})
        outputs.append(output)
    folder.mkdir(parents=True)
    ov.save_model(ov.Model(outputs, [rgb]), folder / "backbone.xml", compress_to_fp16=False)  # pyright: ignore
    record = {"ir_sha256": "tiny", "channels": {"stage_4": 16, "stage_5": 32}}
    (folder / "backbone.json").write_text(json.dumps(record), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project with a crawl and a backbone, whose engine is local."""
    made = Workspace(tmp_path_factory.mktemp("project"))
    params = made.write_params({"distractors": []})
    write_crawl(made.folder / "data/images/raw", params.classes)
    write_backbone(made.folder / "models/backbone")
    return made


@pytest.fixture(scope="module")
def expected(project: Workspace) -> dict[str, bytes]:
    """The outputs of the local engine; removed from the project."""
    for stage in (CLEAN, EMBED, CURATE):
        run = project.run("-m", stage)
        assert run.code == 0, run.log
    found = outputs(project)
    assert len(found) > IMAGES - 10
    return found


def outputs(project: Workspace) -> dict[str, bytes]:
    """Read the clean images and their manifest, the features, and the curated manifest, if they exist."""
    found = {f"data/images/clean/{name}": data for name, data in project.tree("data/images/clean").items()}
    files = [project.folder / name for name in (FEATURES, CURATED)]
    return found | {
        str(file.relative_to(project.folder)): file.read_bytes() for file in files if file.exists()
    }


def without(found: dict[str, bytes], *names: str) -> dict[str, bytes]:
    """Return the outputs without some of them."""
    return {name: data for name, data in found.items() if name not in names}


def restore(project: Workspace, found: dict[str, bytes]) -> None:
    """Write outputs of earlier stages."""
    for name, data in found.items():
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def remove(project: Workspace, *names: str) -> None:
    """Remove outputs."""
    for name in names:
        path = project.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def nodes(expected: dict[str, bytes]) -> Iterator[RayNodes]:
    """A head and two nodes."""
    with running_ray(2) as found:
        yield found


@pytest.fixture
def on_ray(project: Workspace, expected: dict[str, bytes], nodes: RayNodes) -> Workspace:
    """The project without outputs, whose engine is Ray."""
    project.write_params({"distractors": [], "scale.engine": "ray"})
    remove(project, *OUTPUTS)
    return project


def wait_until(condition: Callable[[], T], driver: subprocess.Popen[str]) -> T:
    """Return the first true value of a condition while a driver runs."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if value := condition():
            return value
        if driver.poll() is not None:
            pytest.fail(f"the driver ended: {driver.communicate()}")
        time.sleep(0.01)
    pytest.fail("nothing happened")


def finished(project: Workspace, stage: str) -> list[Path]:
    """List the finished shards of a stage."""
    return [path for path in (project.folder / ".cache/shards" / stage).glob("*") if not path.suffix]


def partial(project: Workspace, stage: str) -> list[Path]:
    """List the shards that were started and not finished."""
    return list((project.folder / ".cache/shards" / stage).glob("*.part"))


def pid_of(shard: Path) -> int:
    """Return the process that writes a shard."""
    return int(re.findall(r"-(\d+)\.part$", shard.name)[0])


def stopped_worker(project: Workspace, stage: str) -> int:
    """Stop a worker in the middle of a shard and return its process id; 0 if there is none."""
    for shard in partial(project, stage):
        pid = pid_of(shard)
        if is_alive(pid):
            os.kill(pid, signal.SIGSTOP)
            if shard.exists():
                return pid
            os.kill(pid, signal.SIGCONT)
    return 0


def end(driver: subprocess.Popen[str]) -> str:
    """Wait for a driver to succeed, and return its log."""
    _, log = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 0, log
    return log


def test_cleaning_on_ray_gives_the_same_bytes_after_the_driver_and_a_worker_are_killed(
    on_ray, expected, nodes
):
    with on_ray.start("-m", CLEAN, RAY_ADDRESS=nodes.address) as driver:
        wait_until(lambda: len(finished(on_ray, "clean")) >= 2 and partial(on_ray, "clean"), driver)
        driver.kill()
    begun = len(partial(on_ray, "clean"))
    with on_ray.start("-m", CLEAN, RAY_ADDRESS=nodes.address) as driver:
        pid = wait_until(lambda: stopped_worker(on_ray, "clean"), driver)
        os.kill(pid, signal.SIGKILL)
        log = end(driver)
    kept, total = map(int, re.findall(r"(\d+) of (\d+) shards are left", log)[0])
    assert total == SHARDS
    assert 2 <= kept < SHARDS
    assert f"clean: {total - kept} shards" in log
    # Only these are computed twice: one on each node.
    assert begun <= 2
    assert outputs(on_ray) == without(expected, FEATURES, CURATED)
    assert not (on_ray.folder / ".cache/shards/clean").exists()


def test_embedding_on_ray_gives_the_same_bytes_after_a_node_is_killed(on_ray, expected, nodes):
    restore(on_ray, without(expected, FEATURES, CURATED))
    on_ray.write_params({"distractors": [], "scale.engine": "ray", "scale.address": nodes.address})
    with on_ray.start("-m", EMBED) as driver:
        pid = wait_until(lambda: stopped_worker(on_ray, "embed"), driver)
        nodes.kill(nodes.node_of(pid))
        end(driver)
    assert outputs(on_ray) == without(expected, CURATED)


def test_curating_on_ray_gives_the_same_bytes(on_ray, expected, nodes):
    restore(on_ray, without(expected, CURATED))
    run = on_ray.run("-m", CURATE, RAY_ADDRESS=nodes.address)
    assert run.code == 0, run.log
    assert outputs(on_ray) == expected
    for work in ("find near duplicates", "compare pairs", "check labels", "compare labels"):
        assert re.search(rf"{work}: \d+ shards", run.log), run.log


FITS = """
import sys
from functools import partial
import numpy as np
from herodex.classifier.examples import OodExamples
from herodex.classifier.linear import fit_heads
from herodex.classifier.ood_calibration import Method, leave_one_query_out, out_of_fold
from herodex.curation import near_duplicates
from herodex.params import ScaleParams, load_params

rng, labels, fold = np.random.default_rng(1), np.arange(60) % 4, np.arange(60) // 4 % 3
features = np.abs(rng.standard_normal((60, 8)) + 3 * np.eye(8)[labels]).astype(np.float32)
examples = OodExamples(features, labels, features)
method = Method(3, 4, partial(fit_heads, l2=[0.1, 0.01]), load_params().classifier.train)
everyone, scale = np.ones(60, bool), ScaleParams(engine=sys.argv[1])
for parts in out_of_fold(examples, fold, everyone, method, scale):
    for part in parts:
        print(part.rows.tobytes().hex(), part.logits.tobytes().hex(), part.figures.tobytes().hex())
one = Method(3, 4, partial(fit_heads, l2=[0.1]), load_params().classifier.train)
for left in leave_one_query_out(examples, fold, everyone, np.arange(60).astype(str), one, scale):
    print(left.label, left.held_out.figures.tobytes().hex())
for near_duplicates.EXHAUSTIVE_MAX in (60, 59):
    print(near_duplicates.near_features(features, 0.9, scale=scale).tolist())
"""


def test_fits_and_searches_give_the_same_numbers_on_a_node_that_was_started_without_the_kernels(
    on_ray, nodes
):
    """The nodes of the other tests are started with them, so that no worker is started twice."""
    for place in range(1, len(nodes.processes)):
        nodes.kill(place)
    nodes.wait_for(nodes.start_node(without=KERNELS))
    local, by_ray = (on_ray.run("-c", FITS, engine, RAY_ADDRESS=nodes.address) for engine in ("local", "ray"))
    assert local.code == by_ray.code == 0, by_ray.log
    assert local.output == by_ray.output
    *_, exhaustive, by_index = local.output.splitlines()
    assert len(json.loads(by_index)) > 10
    assert exhaustive == by_index


def test_embedding_on_ray_reads_from_a_bucket_with_the_access_of_the_stage(nodes, tmp_path):
    bucket = Workspace(tmp_path)
    storage = {"storage.layout": "bucket", "storage.shard_images": 16, "storage.bucket": f"s3://{BUCKET}/ray"}
    params = bucket.write_params({"distractors": [], **storage})
    write_crawl(bucket.folder / "data/images/raw", params.classes)
    write_backbone(bucket.folder / "models/backbone")
    with s3_server(tmp_path / "s3.log") as url:
        access = {**KEYS, "AWS_ENDPOINT_URL": url}
        for stage in (CLEAN, EMBED):
            run = bucket.run("-m", stage, **access)
            assert run.code == 0, run.log
        made = bucket.tree("data/images/features.npy")
        assert made.keys() == {"shards.json"}
        remove(bucket, *OUTPUTS[1:])
        bucket.write_params(
            {"distractors": [], **storage, "scale.engine": "ray", "scale.address": nodes.address}
        )
        run = bucket.run("-m", EMBED, **access)
    assert run.code == 0, run.log
    assert bucket.tree("data/images/features.npy") == made
    assert "0 shards uploaded" in run.log


def test_lost_head_is_one_message(on_ray, nodes):
    """The last test with these nodes."""
    with on_ray.start("-m", CLEAN, RAY_ADDRESS=nodes.address) as driver:
        wait_until(lambda: partial(on_ray, "clean"), driver)
        for place in reversed(range(len(nodes.processes))):
            nodes.kill(place)
        _, log = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 1, log
    assert f"error: The head of Ray at {nodes.address} has not answered" in log
    assert "Traceback" not in log
