import shutil
from pathlib import Path

import pytest

from benchmarks.cost import FOLDER, read_costs, tables


def test_documented_tables_are_those_of_the_measured_figures() -> None:
    documented = (FOLDER.parent / "docs/scale.md").read_text(encoding="utf-8")
    for table in tables().split("\n\n"):
        assert table in documented


def test_measured_costs_are_those_of_the_most_images(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "cost.csv", tmp_path)
    rows = ["images,step,wall_s,cpu_s,peak_mb"]
    for images, cpu_s in ((50_000, 360), (1_000, 99)):
        rows += [f"{images},{step},1,{cpu_s},1" for step in ("embed_images", "curate_images", "split_images")]
    (tmp_path / "scaling.csv").write_text("\n".join(rows), encoding="utf-8")
    curate = read_costs(tmp_path)["curate"]
    assert (curate.images, curate.ms, curate.hours) == (50_000, pytest.approx(7.2), pytest.approx(2))
