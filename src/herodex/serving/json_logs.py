"""Logs as JSON lines without data that a client sent."""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

LOGGERS = ("", "bentoml", "circus", "uvicorn.error")
"""Loggers to which BentoML adds handlers; the first is the root."""
BENTOML_ATTRIBUTES = ("component", "levelname_bracketed", "request_id", "service_name", "trace_msg")
"""Attributes that BentoML adds to records; its `request_id` would overwrite that of the observer."""


def write_json_logs() -> None:
    """Let every handler that BentoML has set up write JSON.

    Fields are `time`, `level`, `logger`, `message` and those that a call passes in `extra`. A request's id is
    passed as `request` and written as `request_id`.
    """
    # Pillow warns about large images; its warnings go to the log too.
    logging.captureWarnings(True)
    formatter = JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger", "request": "request_id"},
        reserved_attrs=[*RESERVED_ATTRS, *BENTOML_ATTRIBUTES],
        timestamp="time",
    )
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(formatter)
    # The observer writes one line per request at this level.
    logging.getLogger("herodex").setLevel(logging.INFO)
