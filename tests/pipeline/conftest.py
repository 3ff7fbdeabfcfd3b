from collections.abc import Callable
from pathlib import Path

import pytest
from workspace import Workspace


@pytest.fixture(scope="module")
def workspace_factory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workspace]:
    """Make a fresh workspace at each call; for tests that share one run."""
    return lambda: Workspace(tmp_path_factory.mktemp("project"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh workspace."""
    return Workspace(tmp_path)
