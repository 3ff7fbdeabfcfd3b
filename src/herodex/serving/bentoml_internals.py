"""The only module that depends on how BentoML works inside.

`tests/unit/test_serving_bentoml_internals.py` fails if an update of BentoML moves these parts.
"""

import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    import bentoml

P = ParamSpec("P")
R = TypeVar("R")

COMMAND = "bentoml_cli.serve"
"""Module of `bentoml serve`; only the supervising process imports it."""
CHECK_EVERY_S = 1.0
"""BentoML 1.4 looks for dead workers every 10 s and has no setting for it."""


def restart_workers_quickly() -> None:
    """Let the supervising process look for dead workers every second.

    `bentoml serve` loads the service before it creates its arbiter (a supervisor from circus,
    https://circus.readthedocs.io/en/latest/library/), so the class can be replaced here. Does nothing in a
    worker.
    """
    if COMMAND not in sys.modules:
        return
    from bentoml._internal.utils import circus

    class QuickArbiter(circus.Arbiter):
        """BentoML's arbiter with a shorter check interval."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings | {"check_delay": CHECK_EVERY_S})

    circus.Arbiter = QuickArbiter


def with_clean_docstring(method: Callable[P, R]) -> Callable[P, R]:
    """Remove a docstring's indentation, which BentoML would copy into the OpenAPI document."""
    method.__doc__ = inspect.cleandoc(method.__doc__ or "")
    return method


def add_middleware(service: "bentoml.Service[Any]", middleware: type[Any], **options: Any) -> None:
    """Add ASGI middleware inside the middleware added before.

    BentoML's annotation describes an instance where it takes a class, hence `type[Any]`.
    """
    service.add_asgi_middleware(middleware, **options)
