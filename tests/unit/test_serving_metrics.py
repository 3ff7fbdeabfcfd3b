import os
import resource
import subprocess
import sys
from pathlib import Path

from herodex.serving.metrics import FILE_BYTES, FILES, FOLDER

COUNT = """
from herodex.serving import metrics
metrics.QUOTES.labels("cache").inc()
metrics.IN_PROGRESS.inc()
print(metrics.exposition().decode())
"""


def count_in(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    """Count a quote in a process whose files may have at most `limit` bytes, as on a full disk."""

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-c", COUNT],
        env={**os.environ, FOLDER: str(folder)},
        preexec_fn=restrict,
        capture_output=True,
        text=True,
        check=False,
    )


def test_metric_files_have_their_space_from_the_start(tmp_path: Path) -> None:
    done = count_in(tmp_path, resource.RLIM_INFINITY)
    assert 'herodex_quotes_total{source="cache"} 1.0' in done.stdout
    files = {path.name.rpartition("_")[0]: path.stat() for path in tmp_path.iterdir()}
    assert set(files) == set(FILES)
    assert all(found.st_size == FILE_BYTES <= 512 * found.st_blocks for found in files.values())


def test_metrics_stay_in_memory_if_the_disk_is_full(tmp_path: Path) -> None:
    done = count_in(tmp_path, FILE_BYTES // 2)
    assert done.returncode == 0, done.stderr
    assert 'herodex_quotes_total{source="cache"} 1.0' in done.stdout
    assert "no space left" in done.stderr
    assert not list(tmp_path.iterdir())
