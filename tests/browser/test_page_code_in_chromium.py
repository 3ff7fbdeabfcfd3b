"""Code for what the page shows, run as it is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from every_mode import check_every_mode
from page_in_chromium import Page
from PIL import Image
from tiny_service import COLOURS

RUN = {"curl": ["bash", "-ec"], "python": [sys.executable, "-c"]}
if NODE := shutil.which("node"):
    RUN["javascript"] = [NODE, "--input-type=module", "-e"]


def output(page: Page, language: str, folder: Path) -> str:
    """Run the code that the drawer shows, in a folder, and return its output."""
    code = str(page.one(f".{language} code").get_attribute("textContent"))
    done = subprocess.run([*RUN[language], code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("language", RUN)
def test_code_classifies_the_image_on_the_page(page: Page, tmp_path: Path, language: str) -> None:
    name = 'it\'s "mine"; $HOME.png'
    Image.new("RGB", (60, 60), COLOURS["ocean"]).save(tmp_path / name)
    page.upload(tmp_path / name)
    page.one(".code summary").click()
    assert "ocean" in output(page, language, tmp_path)


@pytest.mark.parametrize("language", RUN)
def test_code_invents_the_names_on_the_page(page: Page, tmp_path: Path, language: str) -> None:
    page.one(".code summary").click()
    page.invent(count="3", prefix="co", temperature="1.3")
    page.wait(lambda: "seed" in page.text(".curl code"))
    printed = output(page, language, tmp_path)
    if language == "curl":
        assert [invented["name"] for invented in json.loads(printed)["names"]] == page.names()
    else:
        assert printed.split("\n")[:-1] == page.names()


@pytest.mark.parametrize("address", ["", "names"])
def test_drawer_is_accessible_and_fits(page: Page, axe: str, address: str) -> None:
    page.open(address=address)
    page.one(".code summary").click()
    page.one(".shortcuts summary").click()
    page.one(".python button").click()
    page.wait(lambda: page.text(".python button") == "Copied")
    check_every_mode(page, axe, f"code {address}")
