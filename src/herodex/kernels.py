"""The same machine code for numerical libraries on every x86-64 CPU with AVX2, so that results are the same.

NumPy and OpenBLAS choose their kernels by the CPU, and float sums of different kernels differ in the last
digits. AVX2 kernels are as fast for the small matrices here as those with AVX-512.
"""

import os
import platform
from collections.abc import MutableMapping
from pathlib import Path

KERNELS = {
    "OPENBLAS_CORETYPE": "Haswell",
    # How a product is divided among threads changes its sums.
    "OPENBLAS_NUM_THREADS": "1",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
"""Environment variables, which the libraries read when they are imported."""


def fix_kernels(
    environment: MutableMapping[str, str] = os.environ, cpu: Path = Path("/proc/cpuinfo")
) -> None:
    """Let the libraries that are imported afterwards use AVX2 kernels, if the CPU has them."""
    if platform.machine() == "x86_64" and cpu.exists() and " avx2 " in cpu.read_text(encoding="utf-8"):
        environment.update(KERNELS)
