"""Redis that workers and replicas share, and outages of it."""

import logging
import time
from importlib.util import find_spec

from limits.aio.storage import MemoryStorage, RedisStorage
from limits.errors import ConfigurationError

from herodex.errors import UserError

log = logging.getLogger(__name__)

STORAGE_TIMEOUT_S = 0.25
"""Longest wait for Redis before a worker goes on without it."""
STORAGE_RETRY_S = 5
"""Pause after a failure of Redis, so that an outage does not slow every request down."""
OUTAGE_LOG_EVERY_S = 60


def create_storage(uri: str) -> MemoryStorage | RedisStorage:
    """Create the shared storage: this worker's memory if `uri` is empty, else Redis.

    Raises:
        UserError: The address is malformed or the Redis client is not installed.
    """
    if not uri:
        return MemoryStorage()
    try:
        return RedisStorage(uri, wrap_exceptions=True, implementation="redispy", key_prefix="herodex")
    except ConfigurationError:
        if find_spec("redis") is None:
            problem, hint = "needs the package redis", "Install the extra `redis` of herodex"
        else:
            problem, hint = "is not a Redis address", "Write it like redis://host:6379/0"
        raise UserError(f"serve.limit_storage {problem}.", f"{hint}, or leave the setting empty.") from None


class Outage:
    """Pause after a failure of Redis, with at most one line a minute in the log.

    Args:
        consequence: What the log says about the service meanwhile.
    """

    def __init__(self, consequence: str) -> None:
        self._consequence = consequence
        self._log_at = 0.0
        self.retry_at = 0.0
        """Time of the next attempt."""

    def is_on(self) -> bool:
        """Return whether Redis has failed within the last seconds."""
        return time.monotonic() < self.retry_at

    def note(self, error: Exception) -> None:
        """Start a pause, and log it unless an outage was logged within the last minute."""
        now = time.monotonic()
        self.retry_at = now + STORAGE_RETRY_S
        if now >= self._log_at:
            self._log_at = now + OUTAGE_LOG_EVERY_S
            reason = str(error) or f"no answer within {STORAGE_TIMEOUT_S:g} s"
            log.warning("%s: %s", self._consequence, reason)
