import pytest
from PIL import Image
from tiny_service import COLOURS

from benchmarks.other_domains_project import classify
from herodex.errors import UserError


def test_classified_file_has_label_known_and_probability_of_unknown(client, tmp_path):
    Image.new("RGB", (64, 64), COLOURS["meadow"]).save(tmp_path / "green.png")
    answer = classify(client, tmp_path / "green.png")
    assert (answer.label, answer.known) == ("meadow", True)
    assert 0 < answer.unknown < 0.5


def test_error_names_a_file_that_the_service_refuses(client, tmp_path):
    (tmp_path / "notes.jpg").write_text("no image")
    with pytest.raises(UserError, match=r"refused .*notes\.jpg: .*"):
        classify(client, tmp_path / "notes.jpg")
