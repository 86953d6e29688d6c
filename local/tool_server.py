"""A small MCP server, which `make run` starts with the API, so that an agent has real tools to call.

    python -m local.tool_server PORT

It takes another port if that one is in use. It prints its port, and ends when its standard input does, so that it never
outlives the API. It has the form of 2026-07-28 alone: one request, one answer, no sessions.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import sys
import threading
import zoneinfo
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

VERSION: Final = "2026-07-28"
MOST_BYTES: Final = 64 * 1024

_NO_METHOD: Final = -32601
_NO_TOOL: Final = -32602


def time_in(arguments: dict[str, Any]) -> str:
    """Return the time in a city."""
    city = str(arguments.get("city", "")).strip()
    wanted = city.lower().replace(" ", "_")
    found = next((zone for zone in sorted(zoneinfo.available_timezones()) if _city(zone) == wanted), None)
    if found is None:
        raise ValueError(f"I know no time zone for {city or 'this city'}. Try Paris, Tokyo or New York.")
    now = dt.datetime.now(zoneinfo.ZoneInfo(found))
    return f"It is {now:%H:%M} in {_city(found).replace('_', ' ').title()}, on {now:%A} ({found})."


def roll_dice(arguments: dict[str, Any]) -> str:
    """Return what dice show."""
    count = arguments.get("count", 1)
    if not isinstance(count, int) or not 1 <= count <= 20:  # noqa: PLR2004 - a handful
        raise ValueError("Roll 1 to 20 dice.")
    rolled = [secrets.randbelow(6) + 1 for _ in range(count)]
    return f"The dice show {', '.join(map(str, rolled))}."


TOOLS: Final[dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], str]]]] = {
    "time_in": (
        "Tell what time it is in a city now.",
        {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        time_in,
    ),
    "roll_dice": (
        "Roll dice and tell what they show.",
        {"type": "object", "properties": {"count": {"type": "integer", "minimum": 1, "maximum": 20}}},
        roll_dice,
    ),
}


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Return the result or the error of a request."""
    method, params = message.get("method"), message.get("params", {})
    if method == "server/discover":
        return {"result": {"resultType": "complete", "supportedVersions": [VERSION], "capabilities": {"tools": {}}}}
    if method == "tools/list":
        listed = [{"name": name, "description": said, "inputSchema": form} for name, (said, form, _) in TOOLS.items()]
        return {"result": {"resultType": "complete", "tools": listed, "ttlMs": 0, "cacheScope": "public"}}
    if method != "tools/call":
        return {"error": {"code": _NO_METHOD, "message": "Method not found"}}
    if params.get("name") not in TOOLS:
        return {"error": {"code": _NO_TOOL, "message": "Unknown tool"}}
    return {"result": {"resultType": "complete", **_called(params["name"], params.get("arguments", {}))}}


def main() -> None:
    """Serve until standard input ends."""
    try:
        server = _Server(("127.0.0.1", int(sys.argv[1])), _Handler)
    except OSError:
        server = _Server(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    server.serve_forever()


def _called(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        text, failed = TOOLS[name][2](arguments), False
    except ValueError as error:
        text, failed = str(error), True
    return {"content": [{"type": "text", "text": text}], "isError": failed}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].lower()


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for a delayed acknowledgement

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        if length > MOST_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        message = json.loads(self.rfile.read(length))
        body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), **answer(message)}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Log nothing: the terminal is the API's."""


if __name__ == "__main__":
    main()
