"""HTTP as Lambda carries it: an event becomes an ASGI scope and a body, a response head becomes the streaming prelude.

Events come in two forms (AWS Lambda Developer Guide): REST APIs send payload format 1.0, Function URLs send 2.0. One
prelude serves both. Every other event is answered with ``IGNORED``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

Event = dict[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An application, as the ASGI specification 3.0 has it."""

PRELUDE_END: Final = b"\0" * 8
"""Ends the JSON prelude of a streamed response (AWS Lambda Developer Guide, "Response streaming")."""

OPENING: Final = b": ok\n\n"
"""A comment of server-sent events. A Function URL may hold the first chunk back until a second one comes, so the first
one is a comment."""

IGNORED: Final[Event] = {"ignored": "This function answers HTTP requests only."}
"""The answer to an event that is not an HTTP request, such as a schedule that keeps functions warm or a test in the
console. It is not an error, so no alarm counts it."""

BASE_PATH: Final = "ANTIPHON_BASE_PATH"
"""The variable with the base path under which a custom domain has the REST API, without slashes; empty for none."""

_FRAMING: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


def is_request(event: object) -> bool:
    """Check whether an event is an HTTP request of a REST API or a Function URL."""
    match event:
        case {"version": "2.0", "rawPath": str(), "headers": dict(), "requestContext": {"http": {"method": str()}}}:
            return True
        case {"resource": str(), "path": str(), "httpMethod": str(), "requestContext": {"identity": dict()}}:
            return True
    return False


def encodable(value: Any) -> Any:
    """Return an event, or a part of it, whose texts can be encoded: halves of surrogate pairs become ``?``.

    JSON can escape them, and a caller chooses what is in a path, a query and a header.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {encodable(name): encodable(each) for name, each in value.items()}
    return [encodable(each) for each in value] if isinstance(value, list) else value


def is_function_url(event: Event) -> bool:
    """Check whether an event came through a Function URL (payload format 2.0)."""
    return event.get("version") == "2.0"


def path_of(event: Event, base_path: str = "") -> str:
    """Return the path of a request, decoded once: a REST API has done so already.

    Args:
        event: the request.
        base_path: the base path of a custom domain, which a REST API leaves in the path; see ``BASE_PATH``.
    """
    if is_function_url(event):
        return unquote(event["rawPath"])
    path: str = event["path"]
    first, _, rest = path.removeprefix("/").partition("/")
    return f"/{rest}" if base_path and first == base_path else path


def scope_of(event: Event, *, deadline: float, request_id: str, trace: str = "", base_path: str = "") -> Scope:
    """Return the ASGI scope of an event. The path comes without the stage of a REST API.

    Args:
        event: as Lambda gave it.
        deadline: when the invocation ends, in seconds since the epoch; the scope has it as ``antiphon.deadline``.
        request_id: AWS's id of the invocation; the scope has it as ``antiphon.request_id``.
        trace: X-Ray's tracing header; the scope has it as ``antiphon.trace``.
        base_path: see ``path_of``.
    """
    headers = list(_headers(event))
    path = path_of(event, base_path)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": event["requestContext"]["http"]["method"] if is_function_url(event) else event["httpMethod"],
        "scheme": "https",
        "path": path,
        "raw_path": event["rawPath"].encode() if is_function_url(event) else quote(path, errors="replace").encode(),
        "root_path": "",
        "query_string": _query(event),
        "headers": headers,
        "client": (_source_ip(event), 0),
        "server": (dict(headers).get(b"host", b"").decode("latin-1"), 443),
        "antiphon.deadline": deadline,
        "antiphon.request_id": request_id,
        "antiphon.trace": trace,
    }


def body_of(event: Event) -> bytes:
    """Return the bytes of the request's body.

    Raises:
        binascii.Error: the body is said to be base64 and is not.
    """
    text = event.get("body") or ""
    return base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode("utf-8", "replace")


def is_event_stream(headers: Headers) -> bool:
    """Check whether response headers announce server-sent events."""
    return any(name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


def prelude(status: int, headers: Headers) -> bytes:
    """Write the prelude of a streamed response: status, headers and cookies as JSON, then eight NUL bytes.

    A repeated header is joined by commas (RFC 9110, 5.3); cookies, which cannot be, have a list of their own. Headers
    that frame the body are left out: the front door frames it anew.
    """
    joined: dict[str, str] = {}
    cookies = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "set-cookie":
            cookies.append(value)
        elif name not in _FRAMING:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
    head = {"statusCode": status, "headers": joined, "cookies": cookies}
    return json.dumps(head, separators=(",", ":")).encode() + PRELUDE_END


def _query(event: Event) -> bytes:
    if is_function_url(event):
        return str(event.get("rawQueryString") or "").encode()
    return urlencode(event.get("multiValueQueryStringParameters") or {}, doseq=True).encode()


def _source_ip(event: Event) -> str:
    context = event["requestContext"]
    return str((context["http"] if is_function_url(event) else context["identity"]).get("sourceIp") or "")


def _headers(event: Event) -> Iterator[tuple[bytes, bytes]]:
    for name, value in _header_values(event):
        yield name.lower().encode("utf-8", "replace"), value.encode("utf-8", "replace")


def _header_values(event: Event) -> Iterator[tuple[str, str]]:
    if not is_function_url(event):
        single = {name: [value] for name, value in (event.get("headers") or {}).items()}
        for name, values in (event.get("multiValueHeaders") or single).items():
            yield from ((name, value) for value in values)
        return
    yield from event["headers"].items()
    if event.get("cookies"):
        yield "cookie", "; ".join(event["cookies"])
