"""A project with tiny real models, created in a moment, and a server for it."""

import contextlib
import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openvino as ov
import yaml
from openvino import opset13 as ops
from PIL import Image
from processes import descendants, send_signal

from herodex.generator.names_table import CLEAN_COLUMNS, write_names
from herodex.generator.vocabulary import build_vocabulary, encode, pad
from herodex.inference.classifier_file import FORMAT
from herodex.inference.ood import unit
from herodex.inference.predict import GALLERY_COLUMNS
from scripts.free_port import free_port

ROOT = Path(__file__).parent.parent
COLOURS = {"cherry": (220, 20, 20), "meadow": (20, 200, 40), "ocean": (20, 40, 220)}
"""Classes of the tiny project; its classifier picks the nearest of these colours."""
GREY = (128, 128, 128)
"""The colour of images of no class."""
SHARPNESS = np.float32(2e-4)
"""Scale of the logits: the greater, the more certain is the nearest colour."""
NAMES = ["Anemo", "Bulbeo", "Corvin", "Delmor", "Elphin", "Fenrow", "Gorbat", "Hulmin", "Ixalot"]
DOWN = "https://127.0.0.1:9/quotes"
"""Unreachable quote API; nothing listens on the discard port."""
STARTUP_S = 60
STOP_S = 30
FAILED = "Application startup failed"


def save(outputs: dict[str, ov.Node], inputs: list[Any], xml: Path) -> None:
    """Write a network with named outputs as OpenVINO IR."""
    for name, node in outputs.items():
        node.output(0).set_names({name})
    xml.parent.mkdir(parents=True, exist_ok=True)
    results = [node.output(0) for node in outputs.values()]
    ov.save_model(ov.Model(results, inputs), xml, compress_to_fp16=False)  # pyright: ignore


def write_classifier(models: Path) -> None:
    """Write a backbone that averages the colours of patches, and a head that compares them with COLOURS."""
    rgb = ops.parameter(ov.PartialShape([-1, -1, -1, 3]), np.float32, name="rgb")
    planes = ops.transpose(rgb, ops.constant([0, 3, 1, 2]))
    patches = ops.avg_pool(planes, [32, 32], [0, 0], [0, 0], [32, 32], exclude_pad=True)
    maps = ops.transpose(patches, ops.constant([0, 2, 3, 1]))
    doubled = ops.add(maps, ops.constant(np.float32(0)))
    save({"stage_4": maps, "stage_5": doubled}, [rgb], models / "backbone/backbone.xml")

    folder = models / "classifier"
    folder.mkdir(parents=True, exist_ok=True)
    colours = np.array([*COLOURS.values(), GREY], np.float32)
    # The softmax of these logits favours the nearest colour: its square does not depend on the label.
    np.save(folder / "head.npy", SHARPNESS * np.vstack([2 * colours.T, -(colours**2).sum(axis=1)]))
    weights = (models / "backbone/backbone.bin").read_bytes()
    record = {
        "format": FORMAT,
        "classes": list(COLOURS),
        "labels": [*COLOURS, "grey"],
        "temperature": 1.0,
        # The score is 0 where a class is as likely as none of them.
        "ood": {
            "weights": [4, 0, 0, 0],
            "bias": -4 * np.log(0.5),
            "far_weight": 0.0,
            "far_bias": 100.0,
            "neighbours": 1,
        },
        "recipe": "mean",
        "l2": 0.01,
        "backbone": {"name": "colours", "ir_sha256": hashlib.sha256(weights).hexdigest()},
        "set": {"least": 0.1, "coverage": 0.95},
        "embed": {
            "input_size": 64,
            "views": ["middle"],
            "mirror": False,
            "stages": [5],
            "pooling": "avg",
            "batch_size": 1,
        },
        "max_side": 256,
    }
    (folder / "classifier.json").write_text(json.dumps(record), encoding="utf-8")
    np.save(folder / "whitening.npy", np.vstack([np.eye(3), colours[3]]).astype(np.float32))
    offset = colours[:3] - colours[3]
    np.save(folder / "gallery.npy", offset / np.linalg.norm(offset, axis=1, keepdims=True))
    np.save(folder / "means.npy", unit(colours[:3]))
    # The exact colours have the greatest score, 2.77, and grey has one far below 0.
    np.save(folder / "ood_quantiles.npy", np.linspace(0, 2.8, 101))
    rows = [
        [image_hash(name), "demo", f"http://a.test/{name}", f"A {name}", "Ann", "cc0", "", name]
        for name in COLOURS
    ]
    with (folder / "gallery.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*GALLERY_COLUMNS, "shows"], *rows])


def write_generator(models: Path, texts: list[str]) -> None:
    """Write a bigram model of the characters in `texts`."""
    vocabulary = build_vocabulary(texts)
    inputs, targets, weights = pad(encode(vocabulary, texts))
    counts = np.full((vocabulary.size, vocabulary.size), 0.01, np.float32)
    np.add.at(counts, (inputs.ravel(), targets.ravel()), weights.ravel())
    token = ops.parameter(ov.PartialShape([-1]), np.int32, name="token")
    state = ops.parameter(ov.PartialShape([-1, 1]), np.float32, name="state")
    for parameter, name in ((token, "token"), (state, "state")):
        parameter.output(0).set_names({name})
    logits = ops.gather(ops.constant(np.log(counts)), token, ops.constant(0))
    # A bigram model has no state, but every output of a network must be computed.
    next_state = ops.multiply(state, ops.constant(np.float32(0.5)))
    save({"logits": logits, "next_state": next_state}, [token, state], models / "generator/gru.xml")
    record = {"characters": list(vocabulary.characters), "units": 1, "max_length": 12}
    (models / "generator/generator.json").write_text(json.dumps(record), encoding="utf-8")


def image_hash(label: str) -> str:
    """Return the SHA-256 of the training image of a class."""
    return hashlib.sha256(label.encode()).hexdigest()


def write_neighbours(folder: Path) -> None:
    """Write thumbnails of the training images of all classes but the last."""
    folder.mkdir(parents=True, exist_ok=True)
    for label in list(COLOURS)[:-1]:
        Image.new("RGB", (96, 64), COLOURS[label]).save(folder / f"{image_hash(label)}.webp")


def write_examples(folder: Path) -> None:
    """Write an example image of each class."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, (label, colour) in enumerate(COLOURS.items()):
        Image.new("RGB", (64, 64), colour).save(folder / f"{place}-{label}.png")


def make_project(folder: Path, names: Sequence[str] = NAMES, **serve: object) -> Path:
    """Create in `folder` all that the service needs; `serve` overrides that section of the parameters."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["classes"] = list(COLOURS)
    params["page"] = {"thing": "colour", "name": "Elf"}
    # Tests exceed the rate limit, and one worker starts faster than two.
    params["serve"] |= {"quote_urls": [DOWN], "requests_per_minute": 0, "workers": 1, **serve}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copy(ROOT / "service.py", folder)
    write_examples(folder / "data/examples")
    write_neighbours(folder / "data/neighbours")
    write_classifier(folder / "models")
    write_generator(folder / "models", [name.lower() for name in names])
    rows = [{"name": name, "text": name.lower(), "kept": "1"} for name in names]
    empty = dict.fromkeys(CLEAN_COLUMNS, "")
    write_names(folder / "data/names/clean.csv", CLEAN_COLUMNS, [empty | row for row in rows])
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of commands in a project, with BentoML's files inside it and uv on the path."""
    programs = os.pathsep.join([os.environ["PATH"], str(ROOT / ".tools/bin")])
    own = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PATH": programs,
        "PYTHONFAULTHANDLER": "1",
    }
    return {**os.environ, **own, **more}


def stopped(server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server has stopped; raise TimeoutError with its stacks if it does not."""
    try:
        server.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        for pid in [*descendants(server.pid), server.pid]:
            send_signal(pid, signal.SIGABRT)
        server.wait()
        raise TimeoutError(log.read_text(encoding="utf-8")[-6000:]) from None


@contextlib.contextmanager
def started(folder: Path, **more: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a project's server as `make serve` does; yield its address and its process at once.

    `more` is added to the server's environment. Its output goes to `server.log` in the folder.
    """
    port = free_port()
    command = [sys.executable, "-m", "herodex.serving.start", "--port", str(port)]
    with (folder / "server.log").open("w", encoding="utf-8") as output:
        # The command gives each server a folder of its own.
        own = {name: value for name, value in environment(folder, **more).items() if name != "BENTOML_HOME"}
        server = subprocess.Popen(command, cwd=folder, env=own, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        stopped(server, folder / "server.log")


@contextlib.contextmanager
def serving(folder: Path, **more: str) -> Iterator[str]:
    """Serve a project and yield its address once it is ready; `more` is added to its environment."""
    with started(folder, **more) as (url, server):
        wait_until_ready(url, server, folder / "server.log")
        yield url


def wait_for(condition: Callable[[], object], seconds: float) -> bool:
    """Return whether a condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        threading.Event().wait(0.02)
    return False


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `/readyz` returns 200; raise RuntimeError with the server's log if it never does."""
    deadline = time.monotonic() + STARTUP_S
    while (
        time.monotonic() < deadline
        and server.poll() is None
        and FAILED not in log.read_text(encoding="utf-8")
    ):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not come up:\n{log.read_text(encoding='utf-8')[-2000:]}")
