"""The log of the local server: one line for each request and each warning, on standard error.

Lines are text, with colours on a terminal, or JSON with ``LOG=json``. Neither has a query string, a header or content.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from antiphon.measures import Measures

_STANDARD: Final = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"))
_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_COLOURS: Final = {2: "\x1b[32m", 3: "\x1b[36m", 4: "\x1b[33m", 5: "\x1b[31m"}
"""Green, cyan, yellow and red, by the first digit of the status."""

requests: Final = logging.getLogger("local.requests")
messages: Final = logging.getLogger("antiphon.web.websocket")
"""The messages of WebSockets: each is logged as a request is."""
workers: Final = logging.getLogger("antiphon.run.worker")
"""The background responses that were run here."""


class LineFormatter(logging.Formatter):
    """Text: the message, then the extra fields by name.

    Args:
        coloured: whether the status of a request has a colour.
    """

    def __init__(self, *, coloured: bool = False) -> None:
        super().__init__()
        self._coloured = coloured

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's name
        """Return one line."""
        if record.name in {requests.name, messages.name}:
            return request_line(_extra(record), record.created, coloured=self._coloured)
        if record.name == workers.name and record.message == "worked":
            return request_line(_run_facts(_extra(record)), record.created, coloured=self._coloured)
        known = (f"{name}={value}" for name, value in _extra(record).items())
        return "  ".join((record.message, " ".join(known))).rstrip()


class JsonFormatter(logging.Formatter):
    """JSON: the fields of the lines on Lambda, with their names."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def request_line(facts: Mapping[str, Any], at: float, *, coloured: bool = False) -> str:
    """Return the line of a request; what is not known is left out.

    Args:
        facts: as in ``Measures.facts``, with the path.
        at: when the request ended, in seconds since the epoch.
        coloured: whether the status has a colour.
    """
    clock = time.strftime("%H:%M:%S", time.localtime(at))
    status = str(facts.get("status", "---"))
    failed = "broken" if facts.get("broken") else facts.get("code", "")
    if coloured:
        clock = f"{_DIM}{clock}{_RESET}"
        colour = _COLOURS[5] if facts.get("broken") else _COLOURS.get(int(facts.get("status", 0)) // 100, "")
        status, failed = f"{colour}{status}{_RESET}", f"{colour}{failed}{_RESET}" if failed else ""
    named = (f"{name}={facts[name]}" for name in ("agent", "user") if name in facts)
    parts = (clock, status, f"{facts['method']} {facts['path']}", failed, *named, _took(facts), _tokens(facts))
    return "  ".join(filter(None, parts))


def configure(environ: Mapping[str, str] = os.environ) -> None:
    """Send warnings, ours and those of libraries, and the lines of requests to standard error."""
    handler = logging.StreamHandler()
    coloured = sys.stderr.isatty() and "NO_COLOR" not in environ
    handler.setFormatter(JsonFormatter() if environ.get("LOG") == "json" else LineFormatter(coloured=coloured))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    requests.setLevel(logging.INFO)
    messages.setLevel(logging.INFO)
    workers.setLevel(logging.INFO)


def logged(app: ASGIApp) -> ASGIApp:
    """Wrap the app so that each request is logged when its answer has ended."""

    async def with_line(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            record: Measures | None = scope.get("antiphon.measures")
            if record is not None:
                facts = {"request_id": scope["antiphon.request_id"], "path": _path(scope), **record.facts()}
                requests.info("served", extra=facts)

    return with_line


def _path(scope: Scope) -> str:
    """Return the path as it was sent: percent-encoded, so that it cannot write to the terminal."""
    return ascii(scope["raw_path"].decode("latin-1"))[1:-1]


def _run_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a background response for ``request_line``: its id and its ending in the place of a path."""
    return {**facts, "path": f"{facts['response_id']} {facts['outcome']}"}


def _took(facts: Mapping[str, Any]) -> str:
    if "duration_ms" not in facts:
        return ""
    first = f" (first token {facts['ttft_ms']:.0f} ms)" if "ttft_ms" in facts else ""
    return f"{facts['duration_ms']:.0f} ms{first}"


def _tokens(facts: Mapping[str, Any]) -> str:
    if "input_tokens" not in facts:
        return ""
    return f"{facts['input_tokens']} tokens in, {facts['output_tokens']} out"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
