"""The exported ONNX file answers in a browser as the service does."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from tiny_service import COLOURS, make_project

from herodex.inference.predict import load_classifier
from herodex.npm import Package, fetch_package
from herodex.portable.export_models import export_models

RUNTIME = Package(
    "onnxruntime-web@1.22.0", "e293551f9d36d003e293d0f2937fee7b3dfdcef76d71d1449b55e2d4157c7aea"
)
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
TIMEOUT_S = 60


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A tiny project, and the address of its exported model with the runtime beside it."""
    project, folder = make_project(tmp_path / "project"), tmp_path / "out"
    monkeypatch.chdir(project)
    export_models("onnx", folder, 0)
    runtime = fetch_package(RUNTIME)
    (folder / "dist").mkdir()
    for name in FILES:
        (folder / "dist" / name).write_bytes(runtime[f"package/dist/{name}"])
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield project, f"http://127.0.0.1:{server.server_port}/example.html"
        server.shutdown()


def test_example_classifies_an_image_in_the_browser(chromium: WebDriver, exported, tmp_path) -> None:
    project, address = exported
    classifier = load_classifier(project / "models", "f32")
    noise = np.random.default_rng(1).integers(-20, 90, (90, 140, 3))
    pixels = (noise + COLOURS["cherry"]).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    expected = classifier.probabilities([pixels])[0]
    chromium.get(address)
    wait = WebDriverWait(chromium, TIMEOUT_S)
    file = chromium.find_element(By.ID, "file")
    wait.until(lambda _: file.is_enabled())
    file.send_keys(str(tmp_path / "image.png"))
    answer = wait.until(lambda _: chromium.find_element(By.ID, "answer").text)
    found = {name: float(number) for number, name in (line.split() for line in answer.splitlines())}
    assert list(found) == [*classifier.classes, "unknown"]
    assert list(found.values()) == pytest.approx(expected, abs=1.1e-3)
