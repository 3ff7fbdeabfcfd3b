"""Benchmark the crawl: images per second and memory, for 500 and for 2,000 images of the demo web.

The memory is the peak of the crawling process, without the demo web and Chromium. An extra first run loads
Python and its libraries into the page cache.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.bench_record import note
from herodex import paths

COUNTS = (500, 2000)
QUERIES = ["ant", "bee", "cat", "dog", "eel"]
_RUN = """
import runpy, sys
runpy.run_module("crawlers.scrape_images", run_name="__main__")
with open("/proc/self/status") as status:
    sys.stdout.write(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


def crawl(count: int) -> tuple[float, float]:
    """Crawl `count` results; return the seconds and the peak memory in MB."""
    params = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    each = count // len(QUERIES)
    params |= {"classes": QUERIES[:2], "distractors": QUERIES[2:]}
    params["crawl"]["web"] = "demo"
    params["crawl"]["images"]["per_query"] = params["demo_web"]["results_per_query"] = each
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / paths.PARAMS).write_text(yaml.safe_dump(params), encoding="utf-8")
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _RUN],
            cwd=folder,
            env={"PYTHONPATH": str(Path.cwd()), "PATH": sys.exec_prefix + "/bin:/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return time.monotonic() - started, int(done.stdout) / 1024


def main() -> None:
    """Print speed and memory, and their growth with the number of results."""
    crawl(COUNTS[0])
    costs = {count: crawl(count) for count in COUNTS}
    for count, (seconds, megabytes) in costs.items():
        sys.stdout.write(
            f"crawl of {count} results: {count / seconds:.1f} results/s, {megabytes:.0f} MB at the peak\n"
        )
    growth = costs[COUNTS[1]][1] / costs[COUNTS[0]][1]
    note(f"memory for {COUNTS[1]} results, against {COUNTS[0]}", [growth])
    slower = costs[COUNTS[1]][0] / costs[COUNTS[0]][0]
    note(f"seconds for {COUNTS[1]} results, against {COUNTS[0]}", [slower])
    sys.stdout.write(f"four times the results take {growth:.2f} times the memory\n")


if __name__ == "__main__":
    main()
