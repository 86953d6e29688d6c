"""An HTTP request as the event of a REST API or a Function URL.

REST APIs send payload format 1.0 (API Gateway Developer Guide, "Input format of a Lambda
function for proxy integration"), Function URLs 2.0 (AWS Lambda Developer Guide, "Request and response payloads").
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

ACCOUNT: Final = "123456789012"
TEXT: Final = ("text/", "application/json", "application/xml", "application/javascript")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived.

    Attributes:
        target: path and query, still encoded.
        headers: in the order in which they came, names as they were written.
        source: the caller's address.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source: str

    @property
    def path(self) -> str:
        """The path, still encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, still encoded."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        """Return a header's first value, or an empty text."""
        return next((value for own, value in self.headers if own.lower() == name), "")


def rest_event(request: HttpRequest, *, stage: str, resource: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the event of a REST API.

    Args:
        request: what came.
        stage: the API's stage; it is not part of ``path``.
        resource: the route's own path.
        parameters: the path's parameters.
    """
    several: dict[str, list[str]] = {}
    for name, value in request.headers:
        several.setdefault(name, []).append(value)
    query = parse_qs(request.query, keep_blank_values=True)
    body, encoded = _body(request, binary=False)
    return {
        "resource": resource,
        "path": unquote(request.path),
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in several.items()},
        "multiValueHeaders": several,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": request.method,
            "path": f"/{stage}{request.path}",
            "accountId": ACCOUNT,
            "protocol": "HTTP/1.1",
            "stage": stage,
            "requestTimeEpoch": int(time.time() * 1000),
            "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": request.source, "userAgent": request.header("user-agent")},
            "domainName": request.header("host"),
            "apiId": "local",
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def url_event(request: HttpRequest) -> dict[str, Any]:
    """Return the event of a Function URL: lower-case names, repeated headers joined, cookies in a list."""
    joined: dict[str, str] = {}
    for written, value in request.headers:
        name = written.lower()
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    cookies = joined.pop("cookie", "")
    body, encoded = _body(request, binary=True)
    http = {
        "method": request.method,
        "path": unquote(request.path),
        "protocol": "HTTP/1.1",
        "sourceIp": request.source,
        "userAgent": request.header("user-agent"),
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": joined,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": request.header("host"),
            "http": http,
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "body": body,
        "isBase64Encoded": encoded,
    }
    query = parse_qs(request.query, keep_blank_values=True)
    if query:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    if cookies:
        event["cookies"] = cookies.split("; ")
    return event


def _body(request: HttpRequest, *, binary: bool) -> tuple[str | None, bool]:
    """Return the body as text, or as base64 if the front door does so for its content type, and whether it is base64.

    A REST API without binary media types passes every body as text, so bytes that are not UTF-8 are damaged.
    """
    if not request.body:
        return None, False
    if binary and not request.header("content-type").startswith(TEXT):
        return base64.b64encode(request.body).decode(), True
    return request.body.decode("utf-8", "replace"), False
