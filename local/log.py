"""Lines for the person in front of the terminal: each with what is known of it, such as the provider and the code.

It must not know what is logged.
"""

from __future__ import annotations

import logging
from typing import Final

_STANDARD: Final = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime"))


class Formatter(logging.Formatter):
    """The message, then the extra fields by name."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's name
        """Write one line."""
        told = (f"{name}={value}" for name, value in vars(record).items() if name not in _STANDARD)
        return "  ".join((record.message, " ".join(told))).rstrip()


def configure() -> None:
    """Send warnings, ours and those of libraries, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
