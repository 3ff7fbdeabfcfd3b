"""The CPUs that this process may use, and the quota of the container that it runs in."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def cpu_limit(cgroup: Path = CGROUP) -> int | None:
    """Return how many CPUs the quota is worth, rounded up; None without a quota.

    Libraries that count the host's cores would start threads that the quota stops for most of the time.
    """
    quota, period = (
        _read(cgroup / "cpu.max")
        or _read(cgroup / "cpu" / "cpu.cfs_quota_us", cgroup / "cpu" / "cpu.cfs_period_us")
        or (0, 0)
    )
    return max(1, math.ceil(quota / period)) if quota > 0 and period > 0 else None


def usable_cpus() -> int:
    """Count the CPUs of this process: those of its affinity, within the container's quota."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, cpu_limit() or available)


def _read(*files: Path) -> tuple[int, int] | None:
    """Read quota and period, in microseconds: version 2 of cgroups has both in a file, version 1 in two."""
    try:
        quota, period = (word for file in files for word in file.read_text(encoding="ascii").split())
        return int(quota), int(period)
    except (OSError, ValueError):  # also "max", which stands for no quota
        return None
