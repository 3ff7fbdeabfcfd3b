from pathlib import Path

import pytest

from herodex.paths import project_folder


def test_what_outlives_a_run_is_kept_where_it_runs():
    assert project_folder(Path("/home/ann/herodex")) == Path()


def test_what_outlives_a_queued_experiment_is_kept_in_the_project_and_not_in_its_copy():
    assert project_folder(Path("/home/ann/herodex/.dvc/tmp/exps/tmpab12")) == Path("/home/ann/herodex")


@pytest.mark.parametrize("folder", ["/", "/tmp/exps/tmpab12", "/herodex/.dvc/tmp/exps"])
def test_a_folder_that_only_looks_like_one_is_no_copy(folder):
    assert project_folder(Path(folder)) == Path()
