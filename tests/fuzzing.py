"""Settings of tests that run on random inputs."""

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager

from hypothesis import HealthCheck, settings


def same_examples(count: int) -> settings:
    """Run a test on so many examples, the same ones each time; its fixtures are shared by all of them."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@contextmanager
def cpu_below(seconds: float, data: bytes) -> Generator[None]:
    """Fail if a block takes more CPU of this thread; garbage that earlier tests have left does not count."""
    gc.disable()
    started = time.thread_time()
    try:
        yield
    finally:
        taken = time.thread_time() - started
        gc.enable()
    assert taken < seconds, data.hex()
