from datetime import UTC, datetime

import pytest

from crawlers.middlewares.retry_after import retry_after_s

NOW = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("Tue, 01 Jan 2030 12:00:30 GMT", 30),
        ("Tue, 01 Jan 2030 13:00:00 +0100", 0),
        ("Tue, 01 Jan 2030 12:00:30 -0000", 30),
        ("Tue, 01 Jan 2030 11:00:00 GMT", 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("1e9", 0),
        ("²", 0),
        (f"Tue, 01 Jan {'9' * 20} 12:00:30 GMT", 0),
        (f"Tue, 01 Jan 2030 12:00:30 +{'9' * 9}", 0),
        ("Tue, 01 Jan 2030 12:00:30 +9999", 0),
        ("Sat, 01 Jan 0001 00:00:00 +2359", 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 251508887939),
        ("Tue, 99 Jan 2030 99:99:99 GMT", 0),
        (f"{'9' * 5000}", float("inf")),
        (f"Tue, {'0' * 5000}1 Jan 2030 12:00:30 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header, seconds):
    assert retry_after_s(header, NOW) == seconds
