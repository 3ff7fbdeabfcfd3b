import fcntl
import os
import shutil
from collections.abc import Callable, Generator
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
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all of pytest's processes share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def dvc_cache(shared_folder: Path) -> Path:
    """DVC's cache of all copies of the project: a stage that has run in one is restored in the others."""
    return shared_folder / "dvc_cache"


@pytest.fixture(scope="session")
def finished_pipeline(shared_folder: Path, dvc_cache: Path) -> Path:
    """A copy of the project after one pipeline run, which the first process that needs it makes."""
    folder, complete = shared_folder / "pipeline", shared_folder / "pipeline_complete"
    with (shared_folder / "pipeline_lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            # Run each stage, restore none from the cache.
            done = copy_project(folder, TINY, dvc_cache).dvc("repro", "--force")
            assert done.code == 0, done.output + done.log
            complete.touch()
    return folder


@pytest.fixture(scope="module")
def project(finished_pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[ProjectCopy]:
    """A copy of the project after one pipeline run, for the tests of one file; it is deleted after them."""
    folder = tmp_path_factory.mktemp("copy")
    yield ProjectCopy(shutil.copytree(finished_pipeline, folder / "project"))
    shutil.rmtree(folder)
