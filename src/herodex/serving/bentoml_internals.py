"""The only module that depends on how BentoML works inside.

`tests/unit/test_serving_bentoml_internals.py` fails if an update of BentoML moves these parts.
"""

import contextlib
import inspect
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from herodex.serving.metrics import FOLDER
from herodex.serving.metrics_port import FREE_PORT, serve_metrics

if TYPE_CHECKING:
    import bentoml
    from starlette.types import ASGIApp

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

COMMAND = "bentoml_cli.serve"
"""Module of `bentoml serve`; only the supervising process imports it."""
WORKER = "_bentoml_impl.worker.service"
"""Module that a worker runs."""
CHECK_EVERY_S = 1.0
"""BentoML 1.4 looks for dead workers every 10 s and has no setting for it."""
STOP_AGAIN_S = 0.1
"""Pause before the supervisor tries again to stop."""
STOP_S = 20
"""Longest time in which a worker that is being stopped finishes its requests; circus kills it after 30 s."""
FAILED_STARTS = 2
"""Reports of workers that ended with an error after which the supervisor gives up, unless one has lasted.

circus reports about every second one.
"""
LASTED_S = 30
"""Age from which a worker proves that the models can be loaded."""


def watch_failed_starts(watchers: list[Any]) -> None:
    """End the supervising process after failed starts, which circus would repeat for ever."""
    failed = 0

    def counted(notify: Callable[[str, dict[str, Any]], None]) -> Callable[..., None]:
        def notify_and_count(topic: str, message: dict[str, Any]) -> None:
            nonlocal failed
            notify(topic, message)
            if topic == "reap" and (message.get("exit_code") or 0) > 0:
                processes = [process for watcher in watchers for process in watcher.processes.values()]
                lasting = any(process.age() > LASTED_S for process in processes)
                failed = 0 if lasting else failed + 1
                if failed == FAILED_STARTS:
                    give_up([process.pid for process in processes])

        return notify_and_count

    for watcher in watchers:
        watcher.notify_event = counted(watcher.notify_event)


def give_up(workers: list[int]) -> None:
    """Say that the models cannot be loaded, and end all processes at once: none has answered yet."""
    sys.stderr.write(
        "error: The models cannot be loaded; the log above says why.\n"
        "  fix: Restore them with `dvc checkout`, or run `make run`.\n"
    )
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    sys.stderr.flush()
    os._exit(1)


def supervise_workers(metrics_port: int | None = None) -> None:
    """Let the supervising process look for dead workers every second, and give up if none can start.

    It also serves their metrics if `metrics_port` is set, on the host of the service.

    `bentoml serve` loads the service before it creates its arbiter (a supervisor from circus,
    https://circus.readthedocs.io/en/latest/library/), so the class can be replaced here. Does nothing in a
    worker.
    """
    if COMMAND not in sys.modules:
        return
    from bentoml._internal.utils import circus
    from circus.exc import ConflictError

    class QuickArbiter(circus.Arbiter):
        """BentoML's arbiter with a shorter check interval, an end to failing restarts, and a sure stop."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings | {"check_delay": CHECK_EVERY_S})
            watch_failed_starts(cast(list[Any], self.watchers))
            if metrics_port:
                serve_workers_metrics(self, metrics_port)

        def stop(self) -> Any:
            """Stop all workers, after the replacement of a dead one, during which circus drops signals."""
            try:
                return super().stop()
            except ConflictError:
                if not self._stopping:
                    cast(Any, self.loop).call_later(STOP_AGAIN_S, self.stop)

    circus.Arbiter = QuickArbiter


def serve_workers_metrics(arbiter: Any, port: int) -> None:
    """Serve the metrics of an arbiter's workers, or end this process if the port cannot be used."""
    (public,) = arbiter.sockets.values()
    # `bentoml serve --reload` adds a watcher without workers.
    folder = next(watcher.env[FOLDER] for watcher in arbiter.watchers if FOLDER in (watcher.env or {}))
    try:
        serve_metrics(public.host, port, Path(folder))
    except OSError as error:
        sys.stderr.write(
            f"error: Cannot serve metrics on port {port}: {error.strerror}.\n  fix: {FREE_PORT}\n"
        )
        raise SystemExit(1) from None


def is_worker() -> bool:
    """Whether this process is a worker of `bentoml serve`."""
    return getattr(sys.modules["__main__"].__spec__, "name", "") == WORKER


def bound_connections(request_timeout_s: float) -> None:
    """Let a worker's HTTP server limit connections and ignore `X-Forwarded-For`; does nothing elsewhere.

    uvicorn would take the client's address from that header if the connection comes from this machine. A
    worker creates the server's configuration after it has loaded the service, so the class can be replaced
    here.
    """
    if not is_worker():
        return
    import uvicorn

    from herodex.serving.connections import BoundedProtocol

    class Protocol(BoundedProtocol):
        """Connection with the service's timeout."""

    Protocol.request_timeout_s = request_timeout_s
    fixed: dict[str, Any] = {
        "http": Protocol,
        "ws": "none",
        "proxy_headers": False,
        "timeout_graceful_shutdown": STOP_S,
    }

    class BoundedConfig(uvicorn.Config):
        """Configuration of the HTTP server with these connections."""

        def __init__(self, app: Any, **settings: Any) -> None:
            super().__init__(app, **settings | fixed)

    uvicorn.Config = BoundedConfig


def leave_out_time_limit() -> None:
    """Let a worker's application do without BentoML's time limit; does nothing elsewhere.

    BentoML looks its middleware up when the worker creates the application, after it has loaded the service.
    """
    if not is_worker():
        return
    from bentoml._internal.server.http import traffic

    def pass_on(app: "ASGIApp", timeout: float) -> "ASGIApp":
        return app

    traffic.TimeoutMiddleware = pass_on


def end_with_supervisor() -> None:
    """Let a worker stop when its supervising process has died, so that it frees the port.

    Does nothing outside a worker.
    """
    if not is_worker():
        return
    supervisor = os.getppid()

    def watch() -> None:
        while os.getppid() == supervisor:
            time.sleep(CHECK_EVERY_S)
        log.error("the supervising process has died; this worker stops")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def with_clean_docstring(method: Callable[P, R]) -> Callable[P, R]:
    """Remove a docstring's indentation, which BentoML would copy into the OpenAPI document."""
    method.__doc__ = inspect.cleandoc(method.__doc__ or "")
    return method


def add_middleware(service: "bentoml.Service[Any]", middleware: type[Any], **options: Any) -> None:
    """Add ASGI middleware inside the middleware added before.

    BentoML's annotation describes an instance where it takes a class, hence `type[Any]`.
    """
    service.add_asgi_middleware(middleware, **options)
