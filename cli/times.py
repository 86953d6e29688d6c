"""Read a time: a span such as `90d` or `12h`, or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from cli.output import Refused

_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FAR: Final = 2**34
"""The year 2514; any time before it can be shown."""
_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")


def expiry(text: str, now: int) -> int:
    """Read when something expires, in seconds since the epoch.

    A span such as ``90d`` counts from now; an ISO 8601 date means its first moment; a time without an offset is UTC.

    Raises:
        Refused: it is neither, or it is past or centuries away.
    """
    seconds = _span(text)
    at = _date(text, "--expires") if seconds is None else now + seconds
    if not now < at < _FAR:
        raise Refused(f"--expires: {text} is past, or centuries away")
    return at


def beginning(text: str, now: int) -> int:
    """Read since when something is wanted, in seconds since the epoch.

    A span such as ``7d`` counts back from now; dates are as for ``expiry``.

    Raises:
        Refused: it is neither, or it is not past.
    """
    seconds = _span(text)
    at = _date(text, "--since") if seconds is None else now - seconds
    if not 0 <= at <= now:
        raise Refused(f"--since: {text} is not past")
    return at


def _span(text: str) -> int | None:
    match = _SPAN.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else None


def _date(text: str, option: str) -> int:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{option}: {text!r} is neither a span such as 90d, 12h, nor a date such as 2030-12-31") from None
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
