"""Turn the error of a full disk into a message that names the file and the machine."""

import errno
import platform
from collections.abc import Generator
from contextlib import contextmanager

from herodex.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def explain_full_disk() -> Generator[None]:
    """Raise a UserError in place of the OSError of a full disk or quota."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f" for {error.filename}" if error.filename else ""
        raise UserError(
            f"The disk of {platform.node()} has no space left{where} ({error.strerror}).",
            "Free some space, and run again: finished shards are kept.",
        ) from None
