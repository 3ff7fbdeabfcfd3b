"""What every stage and command does first: set up logging and turn a UserError into a message."""

import logging
import os
import sys
from collections.abc import Callable

from herodex.errors import UserError
from herodex.stage_times import timed_stage


def run_command(main: Callable[[], None]) -> None:
    """Run `main` with log lines on stderr.

    A UserError ends the process with its message and status 1, Ctrl-C with status 130.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for chatty in ("alembic", "httpx", "PIL", "tensorflow"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # TensorFlow greets with a page about CUDA on every machine without a GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with timed_stage():
            main()
    except UserError as error:
        sys.stderr.write(f"error: {error.problem}\n  fix: {error.hint}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        raise SystemExit(130) from None
