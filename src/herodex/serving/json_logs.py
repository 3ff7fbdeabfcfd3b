"""Logs as lines of JSON, one for each event, with nothing in them that a client sent."""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

LOGGERS = ("", "bentoml", "circus", "uvicorn.error")
"""The loggers to which BentoML gives handlers; the first is the root."""
OF_BENTOML = ("component", "levelname_bracketed", "request_id", "service_name", "trace_msg")
"""What BentoML adds to a record for its own format; its `request_id` would overwrite one given with it."""


def write_json_logs() -> None:
    """Let every handler that BentoML has set up write JSON.

    Fields are `time`, `level`, `logger`, `message`, and what a call adds with `extra`: an id of a request
    is given as `request`, and written as `request_id`.
    """
    # Pillow's warnings of large images go the same way.
    logging.captureWarnings(True)
    formatter = JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger", "request": "request_id"},
        reserved_attrs=[*RESERVED_ATTRS, *OF_BENTOML],
        timestamp="time",
    )
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(formatter)
    # A line for each request comes from herodex.serving.observer.
    logging.getLogger("herodex").setLevel(logging.INFO)
