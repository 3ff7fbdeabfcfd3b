"""The errors of code that reads malformed input from the web."""

from crawlers.page_text import one_line

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""The exceptions of readers on input that they do not expect; with a ValueError, they say what is wrong."""


def explain_malformed(error: BaseException) -> str:
    """Describe one of `MALFORMED` in one line."""
    text = one_line(str(error))
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
