import io
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from benchmarks.other_domains import CACHE, plan_runs, prepare_work, read_options
from benchmarks.other_domains_figures import (
    ALL,
    cell,
    compare_with_cross_validation,
    difference,
    figures_of,
    ood_auroc,
    share,
    summarise,
    table,
)
from benchmarks.other_domains_project import failure, params_for, stages_for
from benchmarks.other_domains_sets import (
    NOISE_SHARE,
    ImageSet,
    LabelledImage,
    add_unrelated,
    copy_test_images,
    imbalanced_sizes,
    lay_out,
    re_encode,
    read_sets,
    redistribute,
    sample_others,
    swap_labels,
    unbalance,
)
from benchmarks.served_project import ROOT
from herodex.errors import UserError
from herodex.params import Params
from herodex.statistics import proportion


def image_set(name: str, train: dict[str, int], test: int = 4) -> ImageSet:
    def images(part: str, label: str, count: int) -> list[LabelledImage]:
        return [LabelledImage(Path(f"/{name}/{part}/{label}/{i:03}.jpg"), label) for i in range(count)]

    return ImageSet(
        name,
        tuple(image for label, count in train.items() for image in images("train", label, count)),
        tuple(image for label in train for image in images("test", label, test)),
    )


def write_set(folder: Path, train: dict[str, int], test: dict[str, int]) -> Path:
    for part, classes in (("train", train), ("test", test)):
        for label, count in classes.items():
            directory = folder / part / label
            directory.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (40, 30), (i, i, i)).save(directory / f"{i}.jpg")
    return folder


def test_sets_are_read_from_directories_alone(tmp_path):
    write_set(tmp_path / "birds", {"owl": 3, "wren": 2}, {"owl": 1, "wren": 1})
    write_set(tmp_path / "letters", {"a": 2, "chi": 2}, {"a": 1, "chi": 1})
    (tmp_path / "index.csv").write_text("set,part\n")
    (tmp_path / "birds/train/owl/.hidden").write_text("")
    birds, letters = read_sets(tmp_path)
    assert (birds.name, birds.classes, letters.classes) == ("birds", ["owl", "wren"], ["a", "chi"])
    assert Counter(image.label for image in birds.train) == {"owl": 3, "wren": 2}
    assert birds.test[0] == LabelledImage(tmp_path / "birds/test/owl/0.jpg", "owl")
    assert read_sets(tmp_path, ["letters"]) == [letters]


@pytest.mark.parametrize(
    ("train", "test", "problem"),
    [
        ({"owl": 1, "wren": 1}, {}, "no sub-folder test"),
        ({"owl": 1, "wren": 1}, {"owl": 1}, "wren has no images in train or in test"),
        ({"owl": 1}, {"owl": 1}, "has 1 classes"),
        ({"owl": 1, "Barn Owl": 1}, {"owl": 1, "Barn Owl": 1}, "Barn Owl cannot be a class"),
        ({"owl": 1, "unknown": 1}, {"owl": 1, "unknown": 1}, "unknown cannot be a class"),
    ],
)
def test_error_names_what_a_set_lacks(tmp_path, train, test, problem):
    write_set(tmp_path / "birds", train, test)
    with pytest.raises(UserError, match=problem):
        read_sets(tmp_path)


def test_error_names_a_missing_folder_or_set(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        read_sets(tmp_path / "missing")
    with pytest.raises(UserError, match="no sub-folders"):
        read_sets(tmp_path)
    write_set(tmp_path / "birds", {"owl": 1, "wren": 1}, {"owl": 1, "wren": 1})
    with pytest.raises(UserError, match=r"no set fish.*birds"):
        read_sets(tmp_path, ["birds", "fish"])


def test_first_split_is_the_given_one():
    given = image_set("birds", {"owl": 9, "wren": 5})
    assert redistribute(given, 0, seed=3) is given


def test_other_splits_keep_class_sizes_and_every_image():
    given = image_set("birds", {"owl": 9, "wren": 5})
    split = redistribute(given, 1, seed=3)
    assert Counter(image.label for image in split.train) == {"owl": 9, "wren": 5}
    assert Counter(image.label for image in split.test) == {"owl": 4, "wren": 4}
    assert sorted(split.train + split.test) == sorted(given.train + given.test)
    assert split == redistribute(given, 1, seed=3)
    assert split not in (given, redistribute(given, 2, seed=3), redistribute(given, 1, seed=4))


def test_a_tenth_of_the_labels_is_swapped():
    given = image_set("birds", {"owl": 60, "wren": 40, "kite": 20})
    noisy = swap_labels(given, random.Random(0))
    assert [image.path for image in noisy.train] == [image.path for image in given.train]
    changed = [old.label != new.label for old, new in zip(given.train, noisy.train, strict=True)]
    assert sum(changed) == round(NOISE_SHARE * 120)
    assert noisy.test == given.test


def test_unrelated_images_come_from_training_of_other_sets():
    given, other = image_set("birds", {"owl": 60, "wren": 40}), image_set("fish", {"cod": 50, "eel": 50})
    noisy = add_unrelated(given, [other], random.Random(0))
    added = noisy.train[len(given.train) :]
    assert len(added) == 10
    assert {image.path for image in added} <= {image.path for image in other.train}
    assert {image.label for image in added} == {"owl", "wren"}
    with pytest.raises(UserError, match="no other set"):
        add_unrelated(given, [], random.Random(0))


def test_copied_test_images_are_re_encoded_under_their_own_label(tmp_path):
    write_set(tmp_path / "birds", {"owl": 3, "wren": 3}, {"owl": 10, "wren": 10})
    (given,) = read_sets(tmp_path)
    noisy = copy_test_images(given, tmp_path / "copies", random.Random(0))
    assert (noisy.test, len(noisy.copied)) == (given.test, 2)
    for added, original in zip(noisy.train[len(given.train) :], noisy.copied, strict=True):
        assert added.label == original.label
        assert original in given.test
        assert added.path.read_bytes() == re_encode(original.path.read_bytes())


def test_re_encoded_image_is_a_smaller_jpeg():
    buffer = io.BytesIO()
    Image.new("RGBA", (100, 50), (10, 20, 30, 255)).save(buffer, "PNG")
    image = Image.open(io.BytesIO(re_encode(buffer.getvalue())))
    assert (image.format, image.size) == ("JPEG", (90, 45))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([400, 400], [400, 20]),
        ([100, 100, 100], [100, 22, 8]),
        ([100, 15, 15], [100, 15, 8]),
        ([15, 5], [15, 5]),
        ([30], [30]),
    ],
)
def test_class_sizes_fall_to_a_twentieth(sizes, expected):
    assert imbalanced_sizes(sizes) == expected


def test_unbalanced_set_keeps_its_largest_class_and_the_test_images():
    given = image_set("birds", {"owl": 200, "wren": 180, "kite": 150})
    noisy = unbalance(given, random.Random(0))
    counts = Counter(image.label for image in noisy.train)
    assert (counts["owl"], min(counts.values()), noisy.test) == (200, 10, given.test)
    assert set(noisy.train) < set(given.train)


def test_at_most_so_many_test_images_of_each_other_set_are_drawn():
    others = [
        image_set("fish", {"cod": 1, "eel": 1}, test=9),
        image_set("trees", {"oak": 1, "elm": 1}, test=2),
    ]
    drawn = sample_others(others, 6, random.Random(0))
    assert Counter(image.path.parts[1] for image in drawn) == {"fish": 6, "trees": 4}
    assert len(set(drawn)) == len(drawn)


def test_equal_file_names_of_train_and_test_do_not_collide(tmp_path):
    write_set(tmp_path / "birds", {"owl": 2, "wren": 1}, {"owl": 2, "wren": 1})
    (given,) = read_sets(tmp_path)
    lay_out(given.train + given.test, tmp_path / "out")
    assert len(list((tmp_path / "out/owl").iterdir())) == 4
    assert all(path.resolve().parent.name == "owl" for path in (tmp_path / "out/owl").iterdir())


REFUSED = {Path("/birds/test/owl/000.jpg")}


def plan(noise: str, tmp_path: Path):
    sets = [image_set("birds", {"owl": 30, "wren": 30}), image_set("fish", {"cod": 30, "eel": 30})]
    return plan_runs(
        sets, read_options([str(tmp_path), "--splits", "2", "--noise", noise]), tmp_path, REFUSED
    )


def test_runs_cover_every_set_before_the_next_split(tmp_path):
    assert [one.name for one in plan("none", tmp_path)] == ["birds-1", "fish-1", "birds-2", "fish-2"]


@pytest.mark.parametrize("noise", ["none", "labels", "unrelated", "imbalance"])
def test_no_run_asks_for_an_image_that_it_trains_on(tmp_path, noise):
    for one in plan(noise, tmp_path):
        trained = {image.path for image in one.images.train}
        assert trained.isdisjoint(image.path for image in (*one.images.test, *one.others))
        asked = {image.path for image in (*one.images.test, *one.others)}
        assert asked.isdisjoint(REFUSED)
        assert len(asked) in (15, 16)


def test_noise_is_the_same_in_every_benchmark(tmp_path):
    assert plan("labels", tmp_path) == plan("labels", tmp_path)


def test_stages_come_from_the_pipeline_in_its_order():
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    names = [stage.name for stage in stages_for(pipeline, "train_classifier")]
    assert names == [
        "scrape_images",
        "clean_images",
        "embed_images",
        "curate_images",
        "split_images",
        "compare_recipes",
        "fine_tune_backbone",
        "train_classifier",
    ]
    assert [stage.name for stage in stages_for(pipeline, "evaluate_classifier")] == [
        *names,
        "evaluate_classifier",
    ]


def test_stage_depends_on_outputs_within_a_folder_and_on_folders_of_outputs():
    pipeline = {
        "stages": {
            "crawl": {"cmd": "python -m a", "outs": [{"data/raw": {"persist": True}}]},
            "other": {"cmd": "python -m b", "outs": ["data/other"]},
            "fetch": {"cmd": "python -m c", "outs": ["models/given"]},
            "clean": {
                "cmd": "python -m d",
                "deps": ["data/raw", "models/given"],
                "metrics": ["reports/x.json"],
            },
            "train": {"cmd": "python -m e", "deps": ["reports"]},
        }
    }
    assert stages_for(pipeline, "train", ["models/given"]) == [
        ("crawl", "python -m a"),
        ("clean", "python -m d"),
        ("train", "python -m e"),
    ]
    with pytest.raises(UserError, match="no stage serve"):
        stages_for(pipeline, "serve")


def test_params_learn_short_class_names_from_a_folder(tmp_path):
    given = yaml.safe_load((ROOT / "params.yaml").read_text())
    params = Params.model_validate(params_for(given, ["a", "chi"], tmp_path))
    assert (params.queries, params.crawl.web) == (["a", "chi"], str(tmp_path))
    assert (params.crawl.images.sources, params.serve.requests_per_minute) == (["folder"], 0)
    assert params.classifier == Params.model_validate(given).classifier


def test_failure_is_the_message_for_the_user_or_the_last_line():
    assert failure("loaded\nerror: No image is left.\n  fix: Add some.\n") == "No image is left."
    assert failure("Traceback\nValueError: odd\n\n") == "ValueError: odd"
    assert failure("") == "its log is empty"


def test_work_folder_keeps_features_and_drops_earlier_projects(tmp_path):
    projects = prepare_work(tmp_path / "work")
    (projects / "birds-1").mkdir(parents=True)
    (tmp_path / "work" / CACHE).write_text("kept")
    assert not prepare_work(tmp_path / "work").exists()
    assert (tmp_path / "work" / CACHE).read_text() == "kept"


def test_work_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    (tmp_path / "projects").mkdir()
    with pytest.raises(UserError, match=r"thesis\.txt"):
        prepare_work(tmp_path)
    assert (tmp_path / "projects").is_dir()


def answers(**columns: list) -> pd.DataFrame:
    rows = pd.DataFrame(columns)
    plain = {"set": "birds", "split": 1, "own": True, "true": "owl", "copied": False, "known": True}
    more = {"label": "owl", "unknown": 0.1, "mean_pooling": "owl", "same_features": "owl"}
    return rows.assign(**{name: value for name, value in (plain | more).items() if name not in rows})


def test_share_of_one_split_is_a_proportion():
    rows = answers(image=list("abcd"), label=["owl", "owl", "owl", "wren"])
    assert share(rows, rows["label"] == rows["true"]) == proportion(3, 4)


def test_share_counts_an_image_of_several_splits_once():
    rows = answers(image=["a", "a", "a", "b"], label=["owl", "owl", "owl", "wren"])
    found = share(rows, rows["label"] == rows["true"])
    assert (found["value"], found["n"]) == (0.5, 2)
    assert (found["low"], found["high"]) == tuple(proportion(1, 2)[key] for key in ("low", "high"))


def test_difference_is_paired_by_image():
    rows = answers(image=list("abcd"), mean_pooling=["owl", "wren", "wren", "owl"])
    found = difference(rows, "mean_pooling", seed=0)
    assert (found["value"], found["n"]) == (0.5, 4)
    assert found["low"] < 0.5 < found["high"]
    assert difference(rows, "same_features", seed=0) == {"value": 0, "low": 0, "high": 0, "n": 4}


def test_auroc_is_the_mean_over_classifiers():
    one = answers(image=list("abcd"), own=[True, True, False, False], unknown=[0.1, 0.2, 0.8, 0.9])
    other = answers(image=list("abcd"), own=[True, True, False, False], unknown=[0.1, 0.9, 0.8, 0.95])
    both = pd.concat([one, other.assign(split=2)], ignore_index=True)
    assert ood_auroc(one, seed=0)["value"] == 1
    found = ood_auroc(both, seed=0)
    assert (found["value"], found["n"]) == (0.875, 4)
    assert found["low"] <= 0.875 <= found["high"]


def test_cross_validation_is_compared_with_answers_as_served():
    # Of ten images, one has the wrong class and one is right but not known.
    rows = answers(
        image=[*map(str, range(10)), "x"],
        own=[True] * 10 + [False],
        label=["wren"] + ["owl"] * 10,
        known=[True] * 9 + [False, True],
    )
    row = compare_with_cross_validation(rows, proportion(99, 100))
    assert (row["held_out_value"], row["held_out_n"], row["cv_value"]) == (0.8, 10, 0.99)
    assert (row["held_out_in_cv"], row["cv_in_held_out"]) == (False, False)
    row = compare_with_cross_validation(rows, proportion(8, 10))
    assert (row["held_out_in_cv"], row["cv_in_held_out"]) == (True, True)


def runs_of(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"set": name, "cpu_s": 60.0, "wall_s": 90.0}
            | compare_with_cross_validation(of_set, proportion(8, 10))
            for name, of_set in rows.groupby("set")
        ]
    )


def test_figures_of_copied_images_are_reported_apart():
    rows = answers(image=list("abc"), copied=[True, False, False], label=["owl", "wren", "owl"])
    found = {figure.name: figure for figure in figures_of("birds", rows, runs_of(rows), seed=0)}
    assert found["accuracy"].value == pytest.approx(2 / 3, abs=1e-6)
    assert (found["accuracy, not copied"].value, found["accuracy, not copied"].n) == (0.5, 2)
    assert "false accepts" not in found


def test_table_has_a_column_for_each_set_and_for_all():
    one = answers(image=list("abcd"), own=[True, True, False, False], unknown=[0.1, 0.2, 0.8, 0.9])
    rows = pd.concat([one, one.assign(set="fish")], ignore_index=True)
    figures = summarise(rows, runs_of(rows), seed=0)
    assert list(dict.fromkeys(figure.of for figure in figures)) == ["birds", "fish", ALL]
    head, *lines = table(figures).splitlines()
    assert head.split() == ["birds", "fish", "all"]
    by_name = {re.split(r"  +", line)[0]: re.split(r"  +", line)[1:] for line in lines}
    accepts = next(figure for figure in figures if figure.name == "false accepts")
    assert cell(accepts) in next(line for line in lines if line.startswith("false accepts"))
    assert by_name["cpu_s per run"] == ["60", "60", "60"]
    assert by_name["CV in held out's interval"] == ["1 of 1", "1 of 1", "2 of 2"]
    assert np.isfinite([figure.value for figure in figures]).all()
