"""Git's filter for `dvc.lock`: the committed file if only the training of the generator differs.

Git runs `python -m herodex.lock_filter PATH` with this machine's file on stdin and takes what it prints, for
`git status`, `git diff` and `git add`. `committed_lock.install_filter` installs it.
"""

import os
import sys
from pathlib import Path

from herodex.committed_lock import git, only_training_differs, parse_lock
from herodex.lock_comparison import compare_locks
from herodex.pipeline_graph import read_graph


def filtered(current: bytes, committed: bytes) -> bytes:
    """Return the committed file if only the training of the generator differs, else the current one."""
    now = parse_lock(current)
    comparison = compare_locks(parse_lock(committed), now)
    hidden = comparison is not None and only_training_differs(comparison, now, read_graph())
    return committed if hidden else current


def main() -> None:
    """Filter stdin to stdout."""
    path = Path(sys.argv[1])
    # Git starts filters in the repository's folder; the project may be a folder in it.
    os.chdir(path.parent)
    current = sys.stdin.buffer.read()
    committed = git("show", f"HEAD:./{path.name}")
    try:
        text = filtered(current, committed) if committed else current
    except Exception:  # a file with merge conflicts, for one: git takes it as it is
        text = current
    sys.stdout.buffer.write(text)


if __name__ == "__main__":
    main()
