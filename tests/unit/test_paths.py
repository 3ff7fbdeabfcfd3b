from pathlib import Path

import pytest

from herodex.paths import project_folder


def test_caches_are_in_the_folder_of_the_run():
    assert project_folder(Path("/home/ann/herodex")) == Path()


def test_caches_of_a_queued_experiment_are_in_the_project():
    assert project_folder(Path("/home/ann/herodex/.dvc/tmp/exps/tmpab12")) == Path("/home/ann/herodex")


def test_caches_of_a_temporary_experiment_are_in_the_project():
    place = Path("/home/ann/herodex/.dvc/tmp/exps/standalone/tmpab12")
    assert project_folder(place) == Path("/home/ann/herodex")


@pytest.mark.parametrize("folder", ["/", "/tmp/exps/tmpab12", "/herodex/.dvc/tmp/exps"])
def test_folders_with_similar_paths_are_no_queued_experiments(folder):
    assert project_folder(Path(folder)) == Path()
