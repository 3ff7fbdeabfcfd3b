"""Settings of tests that run on random inputs."""

from hypothesis import HealthCheck, settings


def same_examples(count: int) -> settings:
    """Run a test on so many examples, the same ones each time; its fixtures are shared by all of them."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
