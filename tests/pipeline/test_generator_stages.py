"""Stages of the generator as commands, with a tiny network."""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable

import pytest
from workspace import Workspace

from herodex.generator.words_list import write_words as write_words_list

STAGES = ("clean", "split", "pretrain", "train", "evaluate")
TINY = {
    "generator.clean.max_length": 12,
    "generator.split.test": [2],
    "generator.network.embedding": 4,
    "generator.network.units": 8,
    "generator.pretrain.epochs": 2,
    "generator.train.epochs": 3,
    "generator.train.folds": 3,
    "generator.evaluate.samples": 50,
    "generator.evaluate.listed": 10,
}
OPENINGS = ("Ba", "Cor", "Dé", "Fen", "Gly", "Ho-")
ENDINGS = ("la", "mon", "rix", "saur", "teel", "♀", " of the long name")
WORDS = [first + second for first in ("ba", "cor", "gly", "ho-") for second in ("ll", "nd", "st", "tter")]


def write_raw(workspace: Workspace) -> None:
    """Write 42 names of two generations, six of them too long, and one duplicate."""
    names = [opening + ending for opening in OPENINGS for ending in ENDINGS] + ["BALA"]
    lines = [f"{i},{name},{1 + (i % 3 == 0)},http://x/{i}\n" for i, name in enumerate(names, start=1)]
    path = workspace.folder / "data/names/raw.csv"
    path.parent.mkdir(parents=True)
    path.write_text("number,name,generation,page_url\n" + "".join(lines), encoding="utf-8")


def write_words(workspace: Workspace, words: list[str]) -> None:
    """Write the output of `fetch_words`."""
    write_words_list(workspace.folder / "data/words/words.txt", words)


def run_stages(workspace: Workspace, *stages: str, **environment: str) -> None:
    for stage in stages:
        run = workspace.run("-m", f"herodex.generator.{stage}", **environment)
        assert run.code == 0, run.log


def outputs(workspace: Workspace) -> dict[str, bytes]:
    return {
        f"{folder}/{name}": content
        for folder in ("data", "models", "reports")
        for name, content in workspace.tree(folder).items()
    }


@pytest.fixture(scope="module")
def project(workspace_factory: Callable[[], Workspace]) -> Workspace:
    """Run all stages in a new project."""
    workspace = workspace_factory()
    workspace.write_params(TINY)
    write_raw(workspace)
    write_words(workspace, WORDS)
    run_stages(workspace, *STAGES, PYTHONHASHSEED="1")
    return workspace


def test_stages_write_all_outputs(project: Workspace) -> None:
    assert set(outputs(project)) == {
        "data/names/raw.csv",
        "data/names/clean.csv",
        "data/names/split.csv",
        "data/words/words.txt",
        "models/generator/generator.json",
        "models/generator/gru.bin",
        "models/generator/gru.weights.h5",
        "models/generator/gru.xml",
        "models/pretrained/gru.weights.h5",
        "models/pretrained/history.csv",
        "models/pretrained/history.png",
        "models/pretrained/pretrained.json",
        "reports/clean/names.csv",
        "reports/clean/names.json",
        "reports/generator/cross_validation.csv",
        "reports/generator/history.csv",
        "reports/generator/history.png",
        "reports/generator/lengths.png",
        "reports/generator/metrics.json",
        "reports/generator/nats.png",
        "reports/generator/samples.csv",
        "reports/generator/selection.json",
        "reports/generator/test_nats.csv",
        "reports/generator/validation.json",
    }


def test_rerun_in_other_folder_gives_same_bytes(
    project: Workspace, workspace_factory: Callable[[], Workspace]
) -> None:
    again = workspace_factory()
    again.write_params(TINY)
    write_raw(again)
    write_words(again, WORDS)
    run_stages(again, *STAGES, PYTHONHASHSEED="2", OMP_NUM_THREADS="1")
    first, second = outputs(project), outputs(again)
    assert [name for name in first if first[name] != second[name]] == []


def test_parts_hold_out_generation_and_share_no_name(project: Workspace) -> None:
    with (project.folder / "data/names/split.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["text"] for row in rows}) == len(rows) == 36
    assert {row["generation"] for row in rows if row["part"] == "test"} == {"2"}
    assert {row["generation"] for row in rows if row["part"] != "test"} == {"1"}
    with (project.folder / "data/names/clean.csv").open(encoding="utf-8") as file:
        reasons = Counter(row["reason"] for row in csv.DictReader(file))
    assert reasons == {"": 36, "too long": 6, "duplicate": 1}


def test_every_metric_has_count_and_interval(project: Workspace) -> None:
    metrics = json.loads((project.folder / "reports/generator/metrics.json").read_text(encoding="utf-8"))
    assert metrics["n_names"] == metrics["nats"]["n"] == metrics["trigram"]["n"]
    assert metrics["n_unknown"] == 0
    samples = metrics["samples"]["0.8"]
    assert sum(samples[name]["value"] for name in ("new", "in_train", "in_test")) == pytest.approx(1)
    assert set(metrics["samples"]) == {"0.5", "0.8", "1", "1.5"}
    assert {figure["n"] for figure in samples.values()} == {50}
    folds = metrics["cross_validation"]
    assert sum(figure["n"] for figure in folds["by_fold"].values()) == folds["nats"]["n"]
    names = (
        "nats",
        "trigram",
        "5-gram",
        "gain",
        "perplexity",
        "nats_train",
        "without_blanks",
        "not_in_words",
    )
    figures = [metrics[name] for name in names]
    for figure in (*figures, folds["nats"], *folds["by_fold"].values(), *samples.values()):
        assert figure["low"] <= figure["value"] <= figure["high"]
    with (project.folder / "reports/generator/samples.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 10


@pytest.mark.parametrize("stage", STAGES)
def test_stage_without_input_says_what_to_run(workspace: Workspace, stage: str) -> None:
    workspace.write_params(TINY)
    run = workspace.run("-m", f"herodex.generator.{stage}")
    assert run.code == 1
    expected = "data/words/" if stage == "pretrain" else "data/names/"
    assert run.log.startswith(f"error: {expected}")
    assert "is missing.\n  fix: Run `dvc repro`" in run.log


def test_impossible_split_is_explained_and_changes_no_output(workspace: Workspace) -> None:
    workspace.write_params(TINY)
    write_raw(workspace)
    run_stages(workspace, "clean", "split")
    before = outputs(workspace)
    workspace.write_params(TINY | {"generator.split.test": [99]})
    run = workspace.run("-m", "herodex.generator.split")
    assert run.code == 1
    assert run.log == (
        "error: generator.split leaves no name for test; the names are of the generations 1, 2.\n"
        "  fix: Hold out some of them, not all: generator.split.test is now [99].\n"
    )
    assert outputs(workspace) == before


def test_names_without_generations_are_split_at_random_with_log_line(workspace: Workspace) -> None:
    workspace.write_params(TINY | {"generator.split.min_test": 4})
    write_raw(workspace)
    path = workspace.folder / "data/names/raw.csv"
    names = [row["name"] for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())]
    path.write_text("number,name,generation,page_url\n" + "".join(f",{name},,\n" for name in names))
    run_stages(workspace, "clean")
    run = workspace.run("-m", "herodex.generator.split")
    assert run.code == 0
    assert "split at random: 29 train, 3 validation, 4 test" in run.log
    assert "generator.split.by is ignored" in run.log


def test_list_without_usable_names_is_explained(workspace: Workspace) -> None:
    workspace.write_params(TINY | {"generator.clean.max_length": 2})
    write_raw(workspace)
    run = workspace.run("-m", "herodex.generator.clean")
    assert run.code == 1
    assert "has no usable name (43 too long)" in run.log
    assert not (workspace.folder / "data/names/clean.csv").exists()


def test_short_list_is_cross_validated_and_learned_in_full(project: Workspace, workspace: Workspace) -> None:
    workspace.write_params(TINY)
    names = [opening + ending for opening in OPENINGS for ending in ENDINGS[:6]]
    path = workspace.folder / "data/names/raw.csv"
    path.parent.mkdir(parents=True)
    path.write_text(
        "number,name,generation,page_url\n" + "".join(f",{name},,\n" for name in names), encoding="utf-8"
    )
    write_words(workspace, WORDS)
    # The network that the same words and settings give.
    shutil.copytree(project.folder / "models/pretrained", workspace.folder / "models/pretrained")
    run_stages(workspace, *(stage for stage in STAGES if stage != "pretrain"))
    split = (workspace.folder / "data/names/split.csv").read_text(encoding="utf-8")
    assert ",test" not in split
    figures = json.loads((workspace.folder / "reports/generator/metrics.json").read_text(encoding="utf-8"))
    assert figures["method"] == "cross-validation"
    assert figures["nats"]["n"] == figures["trigram"]["n"] == figures["nats_train"]["n"] == len(names)
    assert figures["nats"] == figures["cross_validation"]["nats"]
    start = figures["cross_validation"]["start"]
    assert start["compared"]
    assert {start[name]["n"] for name in ("pretrained", "random", "gain")} == {len(names)}
    with (workspace.folder / "reports/generator/test_nats.csv").open(encoding="utf-8") as file:
        assert {row["text"] for row in csv.DictReader(file)} == {name.lower() for name in names}
