import subprocess
import sys

import pytest

from herodex.command import run_command
from herodex.errors import UserError


def test_user_error_becomes_a_message_and_exit_status_1(capsys):
    def main() -> None:
        raise UserError("The shelf is empty.", "Fill it.")

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: The shelf is empty.\n  fix: Fill it.\n"


def test_ctrl_c_exits_without_a_traceback(capsys):
    def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "stopped\n"


def test_other_exceptions_keep_their_traceback():
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(main)


def test_invalid_params_file_exits_without_a_traceback(tmp_path):
    (tmp_path / "params.yaml").write_text("sede: 1\n", encoding="utf-8")
    command = [sys.executable, "-m", "herodex.params"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "unknown key 'sede' (did you mean 'seed'?)" in done.stderr
    assert "Traceback" not in done.stderr
