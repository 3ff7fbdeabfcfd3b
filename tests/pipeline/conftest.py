from collections.abc import Callable
from pathlib import Path

import pytest
from project_copy import TINY, ProjectCopy, copy_project
from workspace import Workspace


@pytest.fixture(scope="module")
def workspace_factory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workspace]:
    """Create a new workspace per call, for tests that share one run."""
    return lambda: Workspace(tmp_path_factory.mktemp("project"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A new workspace."""
    return Workspace(tmp_path)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project after one pipeline run; tests that change it restore it."""
    project = copy_project(tmp_path_factory.mktemp("project"), TINY)
    done = project.dvc("repro")
    assert done.code == 0, done.output + done.log
    return project
