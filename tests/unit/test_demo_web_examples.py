from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from sharded import move_into_shards

from demo_web.draw_examples import MOST, most_typical, subjects, write_examples
from herodex.csv_table import write_rows
from herodex.params import load_params
from herodex.serving.site import describe_example, example_files

COLUMNS = ["file", "query", "label", "kept", "label_quality", "source"]
ROWS = [
    dict(zip(COLUMNS, cells, strict=True))
    for cells in (
        ("ant/a.jpg", "ant", "ant", "1", "0.4", "folder"),
        ("ant/b.jpg", "ant", "ant", "1", "0.9", "folder"),
        ("ant/c.jpg", "ant", "ant", "0", "0.95", "folder"),
        ("蜂/d.jpg", "蜂", "unknown", "1", "", "folder"),
        ("ant/e.jpg", "ant", "ant", "1", "0.99", "feedback"),
    )
]


@pytest.mark.parametrize("sharded", [False, True])
def test_examples_of_a_folder_are_its_most_typical_images_that_are_not_set_aside(
    tmp_path: Path, sharded: bool
) -> None:
    for place, row in enumerate(ROWS):
        file = (tmp_path / "clean" / row["file"]).with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (300, 200), (60 * place, 0, 0)).save(file)
    if sharded:
        move_into_shards(tmp_path / "clean")
    write_rows(tmp_path / "split.csv", COLUMNS, ROWS)
    (tmp_path / "examples").mkdir()
    find = most_typical(tmp_path / "split.csv", tmp_path / "clean")
    write_examples(tmp_path / "examples", ["ant", "bee", "蜂"], find, "jpg")
    found = [describe_example(file) for file in example_files(tmp_path / "examples")]
    assert [example.subject for example in found] == ["ant", "蜂"]
    red = [np.asarray(Image.open(tmp_path / unquote(example.address)))[9, 9, 0] for example in found]
    assert [round(value / 60) for value in red] == [1, 3]


def test_examples_show_some_classes_and_one_distractor() -> None:
    params = load_params()
    assert subjects(params) == [*params.classes[:MOST], params.distractors[0]]
