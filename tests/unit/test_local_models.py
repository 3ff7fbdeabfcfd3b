"""Models in this process: images of any kind, many files, names, and what is missing."""

import io
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_service import COLOURS

import herodex
from herodex.errors import UserError
from herodex.local.models import Models, map_in_order

EXAMPLE = Path("data/examples/1-meadow.png")


@pytest.fixture
def project(tiny_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tiny_project)
    return tiny_project


@pytest.fixture(scope="module")
def models(tiny_project: Path) -> Models:
    return herodex.load(tiny_project / "models")


def test_path_bytes_and_pillow_image_have_one_answer(project, models):
    with Image.open(EXAMPLE) as image:
        answers = [models.classify(each) for each in (EXAMPLE, str(EXAMPLE), EXAMPLE.read_bytes(), image)]
    assert answers[0].label == "meadow"
    assert answers[0].known
    assert answers[1:] == answers[:1] * 3


def test_pillow_image_is_turned_scaled_and_left_as_it_is(models):
    """An image with an orientation, larger than the largest side, half transparent."""
    image = Image.new("RGBA", (900, 300), (0, 0, 0, 0))
    image.paste(COLOURS["ocean"], (0, 0, 450, 300))
    exif = Image.Exif()
    exif[274] = 6
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    opened = Image.open(io.BytesIO(file.getvalue()))
    assert models.classify(opened) == models.classify(file.getvalue())
    assert (opened.size, opened.mode) == ((900, 300), "RGBA")


def test_many_files_are_answered_in_their_order(project, models, tmp_path):
    (tmp_path / "note.txt").write_text("note", encoding="utf-8")
    files = [*sorted(Path("data/examples").iterdir()), tmp_path / "note.txt"] * 7
    answers = list(models.classify_files(files))
    assert [answer.file for answer in answers] == [str(file) for file in files]
    assert [answer.prediction.label if answer.prediction else answer.error for answer in answers] == [
        *COLOURS,
        "it is not an image in JPEG, PNG, WEBP",
    ] * 7


def test_answers_do_not_depend_on_the_number_of_threads(project, models):
    files = sorted(Path("data/examples").iterdir()) * 5
    one, four = (list(models.classify_files(files, threads)) for threads in (1, 4))
    assert one == four


def test_few_results_are_held_while_they_are_taken():
    begun: list[int] = []
    results = map_in_order(lambda item: begun.append(item) or item, iter(range(10_000)), threads=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    results.close()
    assert len(begun) < 20
    assert threading.active_count() < 20


def test_error_in_a_thread_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(map_in_order(lambda item: 1 // item, [1, 0, 1], threads=2))


@pytest.mark.parametrize(
    ("data", "problem", "fix"),
    [
        (b"", "is not an image", "renaming does not help"),
        (b"no image", "The image cannot be classified: it is not an image in JPEG, PNG, WEBP", "Convert"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "cannot be classified: it is", "image editor"),
    ],
)
def test_bytes_that_are_no_image_are_a_user_error(models, data, problem, fix):
    with pytest.raises(UserError) as raised:
        models.classify(data)
    assert problem in raised.value.problem
    assert fix in raised.value.hint


def test_damaged_pillow_image_and_missing_path_are_user_errors(models, tmp_path):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    noise.save(tmp_path / "a.png")
    cut = Image.open(io.BytesIO((tmp_path / "a.png").read_bytes()[:500]))
    with pytest.raises(UserError, match="it is damaged"):
        models.classify(cut)
    with pytest.raises(UserError, match=r"b\.png cannot be classified: it cannot be read \(no such file"):
        models.classify(tmp_path / "b.png")


def test_image_above_the_services_limit_is_refused(models, tmp_path):
    Image.new("1", (6000, 5000)).save(tmp_path / "large.png")
    with pytest.raises(UserError, match="more than 25,000,000") as raised:
        models.classify(tmp_path / "large.png")
    assert raised.value.hint == "Scale the image down."


def test_names_repeat_with_their_seed(models):
    assert models.names(5, seed=3) == models.names(5, seed=3)
    assert models.names(5, seed=3) != models.names(5, seed=4)
    assert all(each.name.startswith("El") for each in models.names(3, seed=1, prefix="El"))
    assert len(models.names(40, seed=1, temperature=1)) == 40


@pytest.mark.parametrize(
    ("count", "options", "problem"),
    [
        (0, {}, "'count'"),
        (10_001, {}, "'count'"),
        (1, {"temperature": 9}, "'temperature'"),
        (1, {"temperature": float("nan")}, "'temperature'"),
        (1, {"seed": -1}, "'seed'"),
        (1, {"prefix": "Q7"}, "no known name has: 7"),
        (1, {"min_length": 9, "max_length": 3}, "'min_length' \\(9\\) is above"),
    ],
)
def test_arguments_out_of_bounds_are_user_errors_that_name_them(models, count, options, problem):
    with pytest.raises(UserError, match=problem):
        models.names(count, **options)


def test_project_is_found_from_a_folder_in_it(project, monkeypatch):
    (project / "notebooks/deep").mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(project / "notebooks/deep")
    assert herodex.load().classify(project / EXAMPLE).label == "meadow"


def test_folder_of_a_bento_is_used_like_a_project(tiny_project, tmp_path):
    shutil.copytree(tiny_project, tmp_path / "bento/src")
    bento = herodex.load(bento=str(tmp_path / "bento"))
    assert bento.classify(tiny_project / EXAMPLE).label == "meadow"
    assert len(bento.names(2, seed=1)) == 2


def test_missing_models_are_user_errors_that_say_what_to_run(tiny_project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"There are no models in models yet\. Run `make run`"):
        herodex.load()
    with pytest.raises(UserError, match="There are no models in nowhere yet"):
        herodex.load("nowhere")
    with pytest.raises(UserError, match="Give one of them"):
        herodex.load("models", bento="herodex:latest")
    for name in ("classifier", "generator"):
        half = tmp_path / name
        shutil.copytree(tiny_project, half)
        shutil.rmtree(half / "models" / name)
        models = herodex.load(half / "models")
        with pytest.raises(UserError, match=f"There is no {name} in .*make run PART={name}"):
            models.classify(half / EXAMPLE) if name == "classifier" else models.names(1)
        shutil.rmtree(half)


def test_importing_herodex_is_quick_and_answers_need_no_library_for_training(tiny_project):
    code = """
import sys
import herodex
slow = {"openvino", "numpy", "PIL", "pydantic", "bentoml"} & set(sys.modules)
assert not slow, slow
# An import of one of these fails: the extra `serve` has none of them.
heavy = ["tensorflow", "keras", "mlflow", "dvc", "pandas", "sklearn", "matplotlib", "tqdm"]
sys.modules |= dict.fromkeys(heavy)
from pathlib import Path
from herodex.local.classify import classify
models = herodex.load()
assert classify(models, [Path("data/examples")], None, as_json=False)
assert len(models.names(1)) == 1
assert "bentoml" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tiny_project,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
