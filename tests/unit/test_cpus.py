import pytest

from herodex.cpus import cpu_limit
from herodex.inference import openvino_runtime
from herodex.inference.openvino_runtime import thread_hint


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("200000 100000\n", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("1000 100000", 1),
        ("max 100000\n", None),
        ("800000 50000", 16),
        ("", None),
        ("nonsense", None),
        ("0 0", None),
        ("-1 100000", None),
        ("1 2 3", None),
    ],
)
def test_limit_is_read_from_version_2_of_cgroups(tmp_path, text, limit):
    (tmp_path / "cpu.max").write_text(text)
    assert cpu_limit(tmp_path) == limit


@pytest.mark.parametrize(("quota", "limit"), [("300000", 3), ("-1", None), ("", None)])
def test_limit_is_read_from_version_1_of_cgroups(tmp_path, quota, limit):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cpu_limit(tmp_path) == limit


def test_machine_without_cgroups_has_no_limit(tmp_path):
    assert cpu_limit(tmp_path) is None


@pytest.mark.parametrize(
    ("limit", "cores", "hint"), [(2, 64, 2), (64, 2, None), (2, 2, None), (None, 8, None)]
)
def test_quota_below_the_host_limits_the_threads(monkeypatch, limit, cores, hint):
    monkeypatch.setattr(openvino_runtime, "cpu_limit", lambda: limit)
    monkeypatch.setattr(openvino_runtime.os, "cpu_count", lambda: cores)
    assert thread_hint() == ({"INFERENCE_NUM_THREADS": hint} if hint else {})
