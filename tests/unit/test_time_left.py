import pytest
import yaml

from herodex.pipeline_graph import PIPELINE, read_graph, stage_graph, with_needed, with_readers
from herodex.stage_times import StageTime
from herodex.time_left import REFERENCE_S, describe_time, last_times, seconds_left

GRAPH = read_graph()
MADE_BEFORE_EMBEDDING = {name: float(REFERENCE_S[name]) for name in ("scrape_images", "clean_images")}


def test_every_stage_has_a_reference():
    assert set(REFERENCE_S) == set(yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"])


def test_stage_depends_on_all_stages_before_it():
    assert GRAPH["scrape_images"] == set()
    assert GRAPH["split_names"] == {"scrape_names", "clean_names"}
    assert GRAPH["record_lineage"] == set(GRAPH) - {"record_lineage"}


def test_folder_and_file_in_it_are_one_dependency():
    stages = {
        "write": {"outs": [{"data/a": {"persist": True}}], "metrics": ["m.json"]},
        "read file": {"deps": ["data/a/b.csv"]},
        "read folder": {"deps": ["data"]},
        "read metrics": {"deps": ["m.json"]},
        "read other": {"deps": ["data/ab", "src"]},
    }
    found = {name for name, needed in stage_graph(stages).items() if needed == {"write"}}
    assert found == {"read file", "read folder", "read metrics"}


def test_one_half_has_its_own_stages():
    half = with_needed(GRAPH, ["evaluate_generator"])
    assert "train_generator" in half
    assert not half & {"scrape_images", "record_lineage"}
    assert with_needed(GRAPH, []) == set(GRAPH)


def test_readers_of_a_changed_stage_may_run():
    assert with_readers(GRAPH, ["train_generator"]) == {
        "train_generator",
        "evaluate_generator",
        "record_lineage",
    }


def test_last_run_of_each_stage_counts():
    entries = [
        StageTime(part="stage", stage="clean", repro="", started=0, starting=1.0, running=running, cpu=2.5)
        for running in (9.0, 2.0)
    ]
    assert last_times(entries) == {"clean": 3.0}


def test_first_run_estimates_nothing_before_a_stage_has_finished():
    assert seconds_left(["clean_images", "embed_images"], {}, {}, GRAPH) is None
    assert seconds_left(["embed_images"], {"scrape_names": 1.5}, {}, GRAPH) is None


def test_first_run_scales_the_reference_by_the_finished_stages():
    slow = {name: 3 * seconds for name, seconds in MADE_BEFORE_EMBEDDING.items()}
    left = seconds_left(["embed_images"], slow, {}, GRAPH)
    assert left == pytest.approx(3 * REFERENCE_S["embed_images"])


def test_unknown_stage_makes_the_estimate_unknown():
    graph = {**GRAPH, "new": {"scrape_images"}}
    assert seconds_left(["embed_images", "new"], MADE_BEFORE_EMBEDDING, {}, graph) is None
    assert seconds_left(["new"], {}, {"new": 8.0}, graph) == 8


def test_earlier_run_on_this_machine_is_the_estimate():
    assert seconds_left(["embed_images", "train_generator"], {}, dict.fromkeys(GRAPH, 7.0), GRAPH) == 14


def test_more_images_scale_the_stages_that_read_them_and_no_others():
    earlier = {name: float(seconds) for name, seconds in REFERENCE_S.items()}
    finished = {name: 10 * seconds for name, seconds in MADE_BEFORE_EMBEDDING.items()}
    assert seconds_left(["embed_images"], finished, earlier, GRAPH) == pytest.approx(
        10 * REFERENCE_S["embed_images"]
    )
    assert seconds_left(["train_generator"], finished, earlier, GRAPH) == REFERENCE_S["train_generator"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than 1 min"),
        (44, "less than 1 min"),
        (50, "about 1 min"),
        (340, "about 6 min"),
        (569, "about 9 min"),
        (571, "about 10 min"),
        (760, "about 15 min"),
        (3300, "about 55 min"),
        (3460, "about 1 h"),
        (5000, "about 1.5 h"),
        (7300, "about 2 h"),
    ],
)
def test_time_is_rough(seconds, text):
    assert describe_time(seconds) == text
