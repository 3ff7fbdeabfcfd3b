"""How soon the process that watches over the workers misses one that died."""

import sys
from typing import Any

CHECK_EVERY_S = 1.0
"""BentoML 1.4 looks every ten seconds, and has no setting for it."""


def watch_closely() -> None:
    """Make the process that watches look for dead workers every second; in a worker, do nothing.

    BentoML's command loads the service before it makes its arbiter (of circus,
    https://circus.readthedocs.io/en/latest/library/), whose class is replaced by one that is more alert.
    """
    if "bentoml_cli.serve" not in sys.modules:
        return
    from bentoml._internal.utils import circus

    class AlertArbiter(circus.Arbiter):
        """BentoML's arbiter, which looks more often."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings | {"check_delay": CHECK_EVERY_S})

    circus.Arbiter = AlertArbiter
