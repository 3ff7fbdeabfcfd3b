import re
import sys
import threading
from pathlib import Path

import pytest
import yaml

from herodex.errors import UserError
from herodex.params import ScaleParams
from herodex.scale.code_versions import code_versions
from herodex.scale.disk_errors import explain_full_disk
from herodex.scale.engine import map_shards, threads_per_shard
from herodex.scale.shard_results import link_or_copy, shard_key, written
from scripts.free_port import free_port

PROJECT = Path(__file__).resolve().parents[2]
LOCAL, ON_RAY = ScaleParams(), ScaleParams(engine="ray")


def results(function, shards, threads=None):
    return list(map_shards(function, shards, LOCAL, "test", threads))


def test_results_come_in_the_order_of_the_shards():
    first_may_end = threading.Event()

    def work(shard: int) -> int:
        first_may_end.wait(timeout=30) if shard == 0 else first_may_end.set()
        return shard * 10

    assert results(work, [0, 1, 2], threads=2) == [0, 10, 20]


def test_no_shards_need_no_engine():
    assert list(map_shards(str, [], ScaleParams(engine="ray", address="127.0.0.1:1"), "test")) == []


def test_after_an_error_no_further_shard_starts():
    started = []

    def work(shard: int) -> None:
        started.append(shard)
        raise ValueError(f"shard {shard}")

    with pytest.raises(ValueError, match="shard 0"):
        results(work, range(100), threads=1)
    assert len(started) < 100


def test_full_disk_is_a_message_with_the_file():
    def work(_: int) -> None:
        Path("/dev/full").write_text("x", encoding="utf-8")

    with pytest.raises(UserError, match="no space left"):
        results(work, [0])


def test_other_errors_of_files_stay():
    with pytest.raises(FileNotFoundError), explain_full_disk():
        Path("/none").read_bytes()


def test_a_shard_uses_all_cpus_locally_and_those_of_its_task_on_ray():
    assert threads_per_shard(LOCAL) is None
    assert threads_per_shard(ON_RAY) == 1


def test_missing_ray_is_a_message(monkeypatch):
    monkeypatch.delitem(sys.modules, "herodex.scale.ray_tasks", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"Ray is not installed\..*--extra scale"):
        list(map_shards(str, [1], ON_RAY, "test"))


@pytest.mark.parametrize("from_environment", [True, False])
def test_unreachable_head_is_a_message_and_the_environment_wins(monkeypatch, from_environment):
    pytest.importorskip("ray")
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address if from_environment else "")
    scale = ScaleParams(engine="ray", address="" if from_environment else address)
    with pytest.raises(UserError, match=f"Ray at {address} is not reachable"):
        list(map_shards(str, [1], scale, "test"))


def test_address_of_a_ray_client_is_a_message(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:10001")
    with pytest.raises(UserError, match=r"ray://127\.0\.0\.1:10001; clients of Ray are not supported"):
        list(map_shards(str, [1], ON_RAY, "test"))


def test_result_appears_complete_or_not_at_all(tmp_path):
    result = tmp_path / "key"

    def fail_within() -> None:
        with written(result) as folder:
            (folder / "half").touch()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail_within()
    assert list(tmp_path.iterdir()) == []
    with written(result) as folder:
        (folder / "whole").touch()
        assert not result.exists()
    assert [path.name for path in result.iterdir()] == ["whole"]


def test_second_process_that_finishes_a_result_leaves_the_first(tmp_path):
    result = tmp_path / "key"
    with written(result) as late:
        (late / "file").write_text("late", encoding="utf-8")
        result.mkdir()
        (result / "file").write_text("early", encoding="utf-8")
    assert (result / "file").read_text(encoding="utf-8") == "early"
    assert list(tmp_path.iterdir()) == [result]


def test_key_depends_on_every_part_and_their_bounds():
    keys = {shard_key(parts) for parts in (["a", "b"], ["ab"], ["b", "a"], ["a"])}
    assert len(keys) == 4


@pytest.mark.parametrize("there", [True, False])
def test_link_or_copy_replaces_a_file(tmp_path, there):
    source, target = tmp_path / "source", tmp_path / "folder/target"
    source.write_text("new", encoding="utf-8")
    if there:
        target.parent.mkdir()
        target.write_text("old", encoding="utf-8")
    link_or_copy(source, target)
    assert target.read_text(encoding="utf-8") == "new"


def test_node_with_other_versions_or_another_folder_is_a_message(tmp_path):
    pytest.importorskip("ray")
    from herodex.scale.ray_tasks import Work, perform

    there, versions = tmp_path / "there", code_versions()
    there.touch()
    work = Work(str, versions, {}, there)
    assert perform(work, 1) == ("1", None)
    for other, problem in [
        (
            {"versions": versions | {"numpy": "1.0"}},
            rf"other versions: numpy {versions['numpy']}, not 1\.0\.",
        ),
        ({"versions": versions | {"Herodex": "other"}}, "has other versions: Herodex .*, not other"),
        ({"file": tmp_path / "missing"}, "does not see the project folder: .*missing is missing there"),
    ]:
        result, failure = perform(work._replace(**other), 1)
        assert result is None
        assert failure is not None
        assert re.search(problem, failure[0])
        assert "same path" in failure[1]


def test_node_that_was_started_without_the_variables_of_the_kernels_is_a_message(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    from herodex.scale.ray_tasks import Work, perform

    # NumPy does not read a variable that is set after its import.
    monkeypatch.setenv("OPENBLAS_CORETYPE", "later")
    result, failure = perform(Work(str, {}, {"OPENBLAS_CORETYPE": "later"}, tmp_path), 1)
    assert result is None
    assert failure is not None
    assert "was started without some of the variables OPENBLAS_CORETYPE" in failure[0]


def test_engine_is_in_no_stage_so_that_a_change_of_it_reruns_none():
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    named = [entry for stage in stages.values() for entry in stage.get("params", [])]
    keys = [
        key
        for entry in named
        for key in ([entry] if isinstance(entry, str) else entry.get("params.yaml", []))
    ]
    assert "classes" in keys
    assert not [key for key in keys if key.startswith("scale")]
