"""Find a port for a server of a test, a check or a benchmark."""

import contextlib
import random
import socket

PORTS = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections, so that none takes one before its server does."""


def free_port() -> int:
    """Return a free port of the loopback interface."""
    generator = random.SystemRandom()
    while True:
        port = generator.choice(PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
