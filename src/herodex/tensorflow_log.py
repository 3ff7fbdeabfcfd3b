"""Keep TensorFlow's notes about CPU and GPU out of the terminal.

TensorFlow is imported in many places, only where it is used, and writes its first notes during that import,
before it reads TF_CPP_MIN_LOG_LEVEL. Errors are Python exceptions and stay visible, as do the last words of a
process that the import kills.
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

NOTES = (
    "^WARNING: All log messages before absl::InitializeLog"
    "|^[IW][0-9]{4} "
    "|^E[0-9]{4} .*(Unable to register cu|computation.placer)"
    "|^To enable the following instructions:"
)
"""Lines of no use to a reader, as `grep -E` finds them."""


def quieten_tensorflow() -> None:
    """Hide TensorFlow's notes in this process, whenever it is imported."""
    # Without a GPU, TensorFlow logs a page about CUDA.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules and shutil.which("grep"):
        sys.meta_path[:] = [
            _QuietFinder(),
            *(one for one in sys.meta_path if not isinstance(one, _QuietFinder)),
        ]


class _QuietFinder(MetaPathFinder):
    """Find TensorFlow as usual, with another loader."""

    def find_spec(
        self, fullname: str, path: Iterable[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # The path of a namespace package is no sequence.
        if fullname != "tensorflow":
            return None
        spec = PathFinder.find_spec(fullname, None if path is None else [*path], target)
        if spec and spec.loader:
            spec.loader = _QuietLoader(spec.loader)
        return spec


class _QuietLoader(Loader):
    """Load TensorFlow as usual, without its notes."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Others ask the module for its loader, to read its files.
        module.__loader__ = self._loader
        if module.__spec__:
            module.__spec__.loader = self._loader
        with stderr_without(NOTES):
            self._loader.exec_module(module)
        logging.getLogger("absl").setLevel(logging.ERROR)


@contextmanager
def stderr_without(pattern: str) -> Generator[None]:
    """Drop lines that match from stderr, also those that C++ writes."""
    # Another process filters: it shows the last words of this one after a crash.
    sys.stderr.flush()
    before = os.dup(2)
    command = ["grep", "-Ev", "--line-buffered", pattern]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=before, stderr=before) as without:
        assert without.stdin
        os.dup2(without.stdin.fileno(), 2)
        without.stdin.close()
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
