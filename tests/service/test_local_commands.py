"""`herodex classify` and `herodex names` answer as the service does, and explain what is wrong."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from tiny_service import COLOURS

IMAGES = 12


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of random colours and sizes, some with bars, and two files that are no images."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(3)
    for number in range(IMAGES):
        size = (int(rng.integers(40, 600)), int(rng.integers(40, 600)))
        image = Image.new("RGB", size, tuple(int(level) for level in rng.integers(0, 256, 3)))
        if number % 3 == 0:
            image.paste("black", (0, 0, size[0], size[1] // 5))
        image.save(folder / f"{number:02}.{('png', 'jpg', 'webp')[number % 3]}")
    (folder / "=1+1.txt").write_text("note", encoding="utf-8")
    (folder / os.fsdecode(b"\xff\n.png")).write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `herodex` in a folder."""
    command = [sys.executable, "-c", "from herodex.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_answers_are_those_of_the_service_to_the_last_digit(
    client: httpx.Client, tiny_project, photos, tmp_path
):
    done = run("classify", photos, "--csv", tmp_path / "out.csv", "--json", folder=tiny_project)
    assert done.returncode == 0, done.stderr
    assert (
        f"{IMAGES} of {IMAGES + 2} files are answered, in {tmp_path / 'out.csv'}; 2 have an error"
        in done.stderr
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["file"] for answer in answers] == [
        *(f"{photos}/{number:02}.{('png', 'jpg', 'webp')[number % 3]}" for number in range(IMAGES)),
        f"{photos}/=1+1.txt",
        f"{photos}/\\xff\n.png",
    ]
    for answer in answers[:IMAGES]:
        file = Path(answer.pop("file"))
        response = client.post("/api/classify", files={"image": ("x", file.read_bytes())})
        assert answer == response.json(), file
    for answer in answers[IMAGES:]:
        assert set(answer) == {"file", "error"}
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["label"] for row in rows] == [answer.get("label", "") for answer in answers]
    assert [bool(row["error"]) for row in rows] == [False] * IMAGES + [True, True]
    assert {float(row["p_unknown"]) for row in rows[:IMAGES]} == {
        round(answer["unknown"], 6) for answer in answers[:IMAGES]
    }


def test_table_of_text_is_printed_without_csv_and_json(tiny_project):
    done = run("classify", "data/examples", folder=tiny_project)
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["file", "answer", "probability"]
    assert [row.split()[1] for row in rows] == list(COLOURS)


def test_names_are_those_of_the_service(client: httpx.Client, tiny_project):
    response = client.post("/api/names", json={"count": 6, "temperature": 1.5, "seed": 5}).json()
    arguments = ("names", "--count", "6", "--temperature", "1.5", "--seed", "5")
    assert json.loads(run(*arguments, "--json", folder=tiny_project).stdout) == response
    done = run(*arguments, folder=tiny_project)
    assert done.stdout.splitlines() == [name["name"] for name in response["names"]]
    assert done.stderr == ""


def test_random_seed_is_named_and_gives_the_names_again(tiny_project):
    first = run("names", "--count", "30", "--start", "E", folder=tiny_project)
    seed = first.stderr.split()[1]
    again = run("names", "--count", "30", "--start", "E", "--seed", seed, folder=tiny_project)
    assert len(first.stdout.splitlines()) == 30
    assert again.stdout == first.stdout


@pytest.mark.parametrize(
    ("arguments", "problem", "fix"),
    [
        (["classify", "nowhere.png"], "nowhere.png does not exist", "Give files or folders"),
        (["classify", "empty"], "There is no file in empty", "Give files or folders"),
        (
            ["classify", "data", "--csv", "none/out.csv"],
            "none/out.csv cannot be written: No such file",
            "--csv",
        ),
        (["classify", "data", "--csv", "data"], "data cannot be written: Is a directory", "--csv FILE"),
        (["classify", "data", "--models", "empty"], "There are no models in empty yet", "make run"),
        (["classify", "data", "--bento", "nowhere:no"], "There is no bento nowhere:no", "bentoml list"),
        (["names", "--count", "0"], "'count'", "Correct it"),
        (
            ["names", "--start", "9"],
            "'prefix' has characters that no known name has: 9",
            "The known ones are",
        ),
    ],
)
def test_error_is_one_message_with_status_1(tiny_project, arguments, problem, fix):
    (tiny_project / "empty").mkdir(exist_ok=True)
    done = run(*arguments, folder=tiny_project)
    assert done.returncode == 1
    assert done.stdout == ""
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: {problem}")
    assert fix in hint


def test_status_is_1_if_no_file_has_an_answer(tiny_project, tmp_path):
    (tmp_path / "note.txt").write_text("note", encoding="utf-8")
    done = run("classify", tmp_path, folder=tiny_project)
    assert done.returncode == 1
    assert "no answer" in done.stdout
    assert "0 of 1 files are answered; 1 have an error instead" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    ["names --count 50 --temperature 5 --seed 1", "classify data/examples --json --csv table.csv"],
)
def test_reader_that_has_enough_ends_the_command_without_a_traceback(tiny_project, arguments):
    script = "from herodex.cli import main; main()"
    command = f'"{sys.executable}" -c "{script}" {arguments} | true'
    done = subprocess.run(
        ["bash", "-c", command], cwd=tiny_project, capture_output=True, text=True, check=False
    )
    for word in ("Traceback", "BrokenPipe", "cannot be written"):
        assert word not in done.stderr


def test_full_disk_is_one_message(tiny_project):
    done = run("classify", "data/examples", "--csv", "/dev/full", folder=tiny_project)
    assert done.returncode == 1
    assert "error: /dev/full cannot be written: No space left on device" in done.stderr
