"""What TensorFlow writes to stderr in a stage: errors, and nothing else."""

import subprocess
import sys
from pathlib import Path

STAGE = """
from herodex.command import run_command

def main():
    from herodex.determinism import seed_keras
    seed_keras(1)
    import keras
    from pathlib import Path
    from herodex.export import export_ir
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    export_ir(network, Path("network.xml"))
    {then}

run_command(main)
"""


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_stage_with_tensorflow_writes_nothing_of_its_own(tmp_path):
    done = run_python(STAGE.format(then="print('exported')"), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "exported\n", "")
    assert (tmp_path / "network.xml").exists()


def test_error_of_tensorflow_stays_visible(tmp_path):
    done = run_python(
        STAGE.format(then="import tensorflow; tensorflow.zeros((2, 3)) @ tensorflow.zeros((2, 3))"), tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "Matrix size-incompatible" in done.stderr


WRITE = """
import os
from herodex.tensorflow_log import NOTES, stderr_without

with stderr_without(NOTES):
    for line in {lines}:
        os.write(2, line.encode() + b"\\n")
    {then}
os.write(2, b"after\\n")
"""
USELESS = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795860485.588362   11902 port.cc:153] oneDNN custom operations are on.",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.",
    "E0000 00:00:1795860485.588362   11902 cuda_fft.cc:477] Unable to register cuFFT factory",
    "W0000 00:00:1795860485.588362   11902 computation_placer.cc:177] computation placer already registered.",
]


def test_only_known_lines_are_dropped(tmp_path):
    kept = ["E0000 00:00:1.2 3 a.cc:1] out of memory", "an ordinary line", "", "Illegal instruction"]
    done = run_python(WRITE.format(lines=[*USELESS, *kept], then="pass"), tmp_path)
    assert done.stderr.splitlines() == [*kept, "after"]


def test_last_words_of_a_killed_process_stay_visible(tmp_path):
    fatal = "F0000 00:00:1.2 3 cpu.cc:1] compiled to use AVX instructions, which are not available"
    done = run_python(WRITE.format(lines=[USELESS[0], fatal], then="os.abort()"), tmp_path)
    assert done.returncode < 0
    assert done.stderr.splitlines() == [fatal]
