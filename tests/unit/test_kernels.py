import os
import subprocess
import sys

from herodex.kernels import KERNELS, fix_kernels


def test_cpus_with_avx2_get_its_kernels(tmp_path):
    cpu, environment = tmp_path / "cpuinfo", {"OPENBLAS_CORETYPE": "SkylakeX"}
    cpu.write_text("flags\t\t: fma avx avx2 avx512f\n", encoding="utf-8")
    fix_kernels(environment, cpu)
    assert environment == KERNELS


def test_other_cpus_keep_their_kernels(tmp_path):
    cpu, environment = tmp_path / "cpuinfo", dict[str, str]()
    fix_kernels(environment, cpu)
    cpu.write_text("flags\t\t: sse4_1 avx\n", encoding="utf-8")
    fix_kernels(environment, cpu)
    assert environment == {}


def test_numpy_and_scipy_use_the_kernels_without_warnings():
    code = (
        "import herodex, numpy as np, scipy.linalg, threadpoolctl\n"
        "print({(one['architecture'], one['num_threads']) for one in threadpoolctl.threadpool_info()})\n"
        "print(np._core._multiarray_umath.__cpu_features__.get('X86_V4'))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["{('Haswell', 1)}", "False"]
