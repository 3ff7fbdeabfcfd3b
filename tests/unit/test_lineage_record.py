"""The lineage after a run of one half."""

import json
import shutil
from pathlib import Path

from herodex.generator.language_model import model_hash
from herodex.lineage.record import earlier_lineage


def test_other_models_lineage_is_kept_while_it_is_about_that_model(tiny_project, tmp_path, monkeypatch):
    shutil.copytree(tiny_project, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    assert earlier_lineage(["classifier"]) == {}
    entry = {"model": model_hash(Path("models/generator"))}
    record = Path("models/lineage.json")
    record.write_text(json.dumps({"classifier": {"model": "old"}, "generator": entry}), encoding="utf-8")
    assert earlier_lineage(["classifier"]) == {"generator": entry}
    record.write_text(json.dumps({"generator": {"model": "old"}}), encoding="utf-8")
    assert earlier_lineage(["classifier"]) == {}
    shutil.rmtree("models/generator")
    assert earlier_lineage(["classifier"]) == {}
