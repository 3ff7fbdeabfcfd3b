"""Decode uploaded images in processes of their own, which can be stopped.

A decoder is C code, which nothing can interrupt in a thread. A process ends when an image has used up its CPU
time, a crash costs one request instead of a worker, and a low priority lets names and quotes go first.
"""

import functools
import io
import json
import logging
import os
import resource
import select
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from jaxtyping import UInt8

from herodex.inference.image_decoding import ImageError, open_image, to_rgb

if TYPE_CHECKING:
    import herodex.params

log = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP")
CPU_S = 1.0
"""CPU time for an image of few pixels; ordinary ones take 1 to 50 ms."""
CPU_S_PER_MEGAPIXEL = 0.1
"""Further CPU time for each megapixel; ordinary images take 10 to 60 ms."""
WALL_S = 60
"""Longest time for an image on a machine so busy that its CPU time does not pass."""
MEMORY_BYTES = 2 * 2**30
"""Address space of a process; the largest accepted images take less than 0.8 GB."""
NICENESS = 5

COMMAND = (sys.executable, "-m", "herodex.serving.decoder")
READY = b"R"
REQUEST = struct.Struct("<IIIId")
"""Length of the file, largest numbers of pixels, largest side, and CPU seconds."""
ANSWER = struct.Struct("<?II")
"""Whether the image was decoded, then height and width, or length and 0 of an error in JSON."""


class DecodeLimits(NamedTuple):
    """Largest number of pixels, the same for JPEG, and the side to which an image is scaled down."""

    max_pixels: int
    max_jpeg_pixels: int
    max_side: int


class Decoders:
    """Decoding processes, started when needed and kept; each decodes one image at a time."""

    def __init__(self) -> None:
        self._idle: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start a process, so that the first image does not wait for it."""
        self._idle.append(start_process())

    def decode(self, data: bytes, limits: DecodeLimits, cpu_s: float) -> UInt8[np.ndarray, "h w 3"]:
        """Decode an image to upright RGB.

        Args:
            data: the file.
            limits: on the image.
            cpu_s: CPU time after which the image is refused.

        Raises:
            ImageError: the image cannot be used.
        """
        process = self._take()
        try:
            pixels = exchange(process, data, limits, cpu_s)
        except ImageError:
            self._idle.append(process)
            raise
        except (OSError, EOFError):
            raise stop(process) from None
        self._idle.append(process)
        return pixels

    def _take(self) -> subprocess.Popen[bytes]:
        while self._idle:
            process = self._idle.pop()
            if process.poll() is None:
                return process
            close_pipes(process)
        return start_process()

    def close(self) -> None:
        """End the idle processes."""
        while self._idle:
            process = self._idle.pop()
            close_pipes(process)
            process.wait()


def cpu_limit(pixels: int) -> float:
    """Return the CPU seconds that an image may take."""
    return CPU_S + CPU_S_PER_MEGAPIXEL * pixels / 1e6


def decode_limits(params: "herodex.params.Params", classifier: Path) -> DecodeLimits:
    """Return the limits of the service on an image.

    Args:
        params: Parameters of the project. JPEG may have the number of pixels of training.
        classifier: Folder of the classifier, whose images were scaled down to a side.
    """
    max_pixels = params.serve.max_pixels_mp
    max_jpeg_pixels = max(max_pixels, params.classifier.clean.max_pixels_mp)
    max_side = read_max_side(classifier, params.classifier.clean.max_side)
    return DecodeLimits(int(max_pixels * 1e6), int(max_jpeg_pixels * 1e6), max_side)


@functools.cache
def read_max_side(classifier: Path, default: int) -> int:
    """Read the side to which a classifier's images are scaled down; `default` if there is no classifier."""
    # The decoding processes do without pydantic.
    from herodex.inference.classifier_file import read_record

    record = classifier / "classifier.json"
    return read_record(record).max_side if record.exists() else default


def start_process() -> subprocess.Popen[bytes]:
    """Start a decoding process.

    Raises:
        RuntimeError: it does not start.
    """
    # A bento is imported from a path that only its worker knows.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        COMMAND,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if _pipes(process)[1].read(1) != READY:
        stop(process)
        raise RuntimeError("the decoding process does not start")
    return process


def stop(process: subprocess.Popen[bytes]) -> ImageError:
    """Kill a process and return the error of its image."""
    process.kill()
    code = process.wait()
    close_pipes(process)
    if code in (-signal.SIGPROF, -signal.SIGKILL):
        return ImageError("too_complex", "it takes too long to decode")
    log.warning("a decoding process ended with status %d", code)
    return ImageError("unreadable", "it is damaged (the decoder failed)")


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Close a process's pipes, which ends it when it is idle."""
    for pipe in _pipes(process):
        try:
            pipe.close()
        # What could not be written is lost with the process.
        except BrokenPipeError:
            continue


def _pipes(process: subprocess.Popen[bytes]) -> tuple[io.BufferedWriter, io.BufferedReader]:
    return cast(io.BufferedWriter, process.stdin), cast(io.BufferedReader, process.stdout)


def exchange(
    process: subprocess.Popen[bytes], data: bytes, limits: DecodeLimits, cpu_s: float
) -> UInt8[np.ndarray, "h w 3"]:
    """Send an image to a process and return its pixels.

    Raises:
        ImageError: the image cannot be used.
        EOFError: the process has ended.
        OSError: the process has ended or hangs.
    """
    source, target = _pipes(process)
    source.write(REQUEST.pack(len(data), *limits, cpu_s))
    source.write(data)
    source.flush()
    if not select.select([target], [], [], WALL_S)[0]:
        raise TimeoutError
    decoded, height, width = ANSWER.unpack(read_exactly(target, ANSWER.size))
    if not decoded:
        raise ImageError(*json.loads(read_exactly(target, height)))
    pixels = np.frombuffer(read_exactly(target, height * width * 3), np.uint8)
    return pixels.reshape(height, width, 3)


def read_exactly(source: io.BufferedReader, size: int) -> bytes:
    """Read a number of bytes; raise EOFError if the source ends before."""
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data


def answer(data: bytes, limits: DecodeLimits) -> bytes:
    """Decode an image and encode the result or the error."""
    try:
        image = open_image(data, limits.max_pixels, FORMATS, limits.max_jpeg_pixels)
        pixels = to_rgb(image, limits.max_side)
    except ImageError as error:
        text = json.dumps((error.kind, str(error))).encode()
    except MemoryError:
        text = json.dumps(("too_complex", "it takes too much memory to decode")).encode()
    else:
        return ANSWER.pack(True, *pixels.shape[:2]) + pixels.tobytes()
    return ANSWER.pack(False, len(text), 0) + text


def main() -> None:
    """Decode the images that arrive on the standard input until it ends."""
    os.nice(NICENESS)
    # The process ends with its input, so that a worker that is being stopped can finish its requests.
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # A library that prints would break the answers.
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    target.write(READY)
    target.flush()
    while head := sys.stdin.buffer.read(REQUEST.size):
        length, max_pixels, max_jpeg_pixels, max_side, cpu_s = REQUEST.unpack(head)
        data = read_exactly(sys.stdin.buffer, length)  # pyright: ignore[reportArgumentType]
        # The signal ends the process, even inside a library.
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        result = answer(data, DecodeLimits(max_pixels, max_jpeg_pixels, max_side))
        signal.setitimer(signal.ITIMER_PROF, 0)
        target.write(result)
        target.flush()


if __name__ == "__main__":
    main()
