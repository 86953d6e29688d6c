"""The request of an operation: its arguments, each in its place.

What an operation needs is compiled into ``ServerTool.how`` when the agent is applied:

    {"method": "POST", "server": "https://api.example.com/v1", "path": "/items/{id}", "accept": "application/json",
     "parameters": [{"argument": "id", "name": "id", "in": "path", "required": true, "style": "simple"}, ...],
     "body": {"argument": "body", "type": "application/json", "required": true}}

Fields with their defaults are left out.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

from antiphon.fetch.egress import ToolRequest
from antiphon.server_tools.http.styles import Pairs, UnwritableValue, in_header, in_path, in_query, text_of

STYLES: Final = {"path": "simple", "header": "simple", "query": "form", "cookie": "form"}
"""The usual style of each place."""

UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that change something: their requests carry a token."""


def request_of(how: Mapping[str, Any], arguments: Mapping[str, Any], token: str) -> ToolRequest:
    """Return the request of an operation.

    Args:
        how: the operation, as it was compiled.
        arguments: what the model passes. Unknown ones are ignored.
        token: marks the call.

    Raises:
        UnwritableValue: an argument is missing or cannot be sent.
    """
    path, query, cookies = how["path"], Pairs(), Pairs()
    headers = {"accept": how.get("accept", "*/*")}
    for parameter, value in _given(how, arguments):
        place, name = parameter["in"], parameter["name"]
        style = parameter.get("style", STYLES[place])
        explode = parameter.get("explode", style == "form")
        if place == "path":
            path = path.replace(f"{{{name}}}", in_path(name, value, style, explode))
        elif place == "header":
            headers[name.lower()] = in_header(value, explode)
        else:
            pairs = in_query(name, value, style, explode, reserved=parameter.get("reserved", False))
            (query if place == "query" else cookies).extend(pairs)
    if cookies:
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies)
    if how["method"] in UNSAFE:
        headers["idempotency-key"] = token
    content, kind = _body(how.get("body"), arguments)
    if kind:
        headers["content-type"] = kind
    return ToolRequest(_url(how["server"] + path, query), how["method"], headers, content, how["server"])


def _given(how: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Any]]:
    for parameter in how.get("parameters", ()):
        value = arguments.get(parameter["argument"])
        if value is not None:
            yield parameter, _as_content(parameter.get("content", ""), value)
        elif parameter.get("required", False):
            raise UnwritableValue(f"The argument {parameter['argument']} is missing.")


def _as_content(kind: str, value: Any) -> Any:
    """Return a value as its media type has it; as it is if it has none."""
    if not kind:
        return value
    return orjson.dumps(value).decode() if "json" in kind else text_of(value)


def _url(address: str, query: Pairs) -> str:
    if not query:
        return address
    return f"{address}{'&' if '?' in address else '?'}{'&'.join(f'{name}={value}' for name, value in query)}"


def _body(body: Mapping[str, Any] | None, arguments: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return a body and its media type; empty for none."""
    if body is None:
        return b"", ""
    value = arguments.get(body["argument"])
    if value is None:
        if body.get("required", False):
            raise UnwritableValue(f"The argument {body['argument']} is missing.")
        return b"", ""
    kind: str = body["type"]
    if kind == "application/x-www-form-urlencoded":
        return _form(_fields(value), body.get("encoding", {})), kind
    if kind == "multipart/form-data":
        return _multipart(_fields(value), body)
    return (text_of(value).encode() if kind.startswith("text/") else orjson.dumps(value)), kind


def _fields(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnwritableValue("The body is not an object.")
    return value


def _form(fields: Mapping[str, Any], encoding: Mapping[str, Any]) -> bytes:
    pairs = Pairs()
    for name, value in fields.items():
        if value is not None:
            pairs += _field(name, value, encoding.get(name))
    return "&".join(f"{name}={value}" for name, value in pairs).encode()


def _field(name: str, value: Any, said: Mapping[str, Any] | None) -> Pairs:
    """Return a field of a form. An object without a style is JSON."""
    if said is None:
        return in_query(name, text_of(value) if isinstance(value, Mapping) else value, "form", explode=True)
    style = said.get("style", "form")
    return in_query(name, value, style, said.get("explode", style == "form"))


def _multipart(fields: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the parts of a form. A file's content is text that the model wrote."""
    boundary = secrets.token_hex(16)
    lines: list[bytes] = []
    for name, value in fields.items():
        for part in value if isinstance(value, list) else [value]:
            if part is not None:
                lines += (f"--{boundary}".encode(), *_part(name, part, name in body.get("files", ())))
    return b"\r\n".join((*lines, f"--{boundary}--".encode(), b"")), f"multipart/form-data; boundary={boundary}"


def _part(name: str, value: Any, is_file: bool) -> tuple[bytes, ...]:
    said = f'content-disposition: form-data; name="{quote(name, " ")}"'
    if is_file:
        said += f'; filename="{quote(name, " ")}"'
    kind = "application/octet-stream" if is_file else "text/plain; charset=utf-8"
    if isinstance(value, dict):
        kind = "application/json"
    return said.encode(), f"content-type: {kind}".encode(), b"", text_of(value).encode()
