"""Heads of any length and characters, in both forms of events: the real functions answer, and never with a 5xx."""

from __future__ import annotations

import base64
import json

import pytest

from local.lambda_host.layers import ROOT

PATHS = [
    "/v1/responses/%00",
    "/v1/responses/%2e%2e%2f%2e%2e%2fetc",
    "/v1/responses/%ff%fe",
    "/v1/responses/" + "%00" * 2_000,
    "/v1/responses/" + "a" * 20_000,
    "/v1/responses/é\ud800",
    "//v1//responses",
    "/v1/responses/;a=b",
    "/v1/responses/resp_1/cancel/",
    "/" + "a/" * 5_000,
    "",
    "v1/models",
    "*",
]
QUERIES = [
    "%" * 5_000,
    "limit=%ff&after=%00",
    "stream=true&stream=false&stream=",
    "include[]=" + "x" * 10_000,
    "a" * 20_000,
    "&&&=&=&",
    "\ud800=é",
    "starting_after=" + "9" * 5_000,
]
HEADERS = [
    {"authorization": "\x00\ud800é"},
    {"authorization": "Bearer " + "a" * 9_000},
    {"authorization": ""},
    {"Authorization": "Bearer a,Bearer b"},
    {"": "x", "na me": "y", "x\r\ny": "z"},
    {"content-type": "\ud800"},
    {"content-length": "-1", "transfer-encoding": "chunked"},
    {"content-encoding": "gzip"},
    {"idempotency-key": "\x00" * 300},
    {"x-stainless-retry-count": "9" * 5_000},
    {"accept": "*/*;q=" + "9" * 5_000, "if-none-match": '"' * 5_000},
    {"origin": "\ud800", "access-control-request-method": "\x00"},
    {"host": "[::1"},
    {"host": "a:b:c", "x-forwarded-port": "x"},
    {f"x-{n}": "y" for n in range(500)},
    {"cookie": "; " * 5_000},
    {"upgrade": "websocket", "connection": "upgrade"},
]
METHODS = ["BREW", "", "get", "CONNECT", "OPTIONS", "A" * 5_000]
BODIES = [("\ud800", False), ("", True), (base64.b64encode(b"\xff\xfe").decode(), True), (None, False)]
FUNCTIONS = [
    ("CreateResponse", "create-response"),
    ("GetResponse", "get-response"),
    ("ListModels", "list-models"),
    ("CreateResponse", "get-response"),
]


def events(name, form, key):
    """Yield the sample with one odd thing each."""
    sample = json.loads((ROOT / f"events/{name}.{form}.json").read_text())
    path, query = ("rawPath", "rawQueryString") if form == "url" else ("path", "multiValueQueryStringParameters")
    known = {"authorization": f"Bearer {key}", "content-type": "application/json", "host": "x"}

    def with_headers(more):
        headers = {**known, **more}
        if form == "url":
            return {"headers": headers}
        return {"headers": headers, "multiValueHeaders": {name: [value, value] for name, value in headers.items()}}

    yield from ({**with_headers({}), path: each} for each in PATHS)
    yield from ({**with_headers({}), query: each if form == "url" else {each: [each]}} for each in QUERIES)
    yield from (with_headers(each) for each in HEADERS)
    yield from ({**with_headers({}), "body": body, "isBase64Encoded": encoded} for body, encoded in BODIES)
    for method in METHODS:
        context = sample["requestContext"]
        if form == "url":
            yield {**with_headers({}), "requestContext": {**context, "http": {**context["http"], "method": method}}}
        else:
            yield {**with_headers({}), "httpMethod": method}
    if form == "rest":
        yield {"headers": None, "multiValueHeaders": None, "multiValueQueryStringParameters": None}


def answered(host, function, event):
    """Return status, headers and body of an answer in either form."""
    answer = host.invoke(function, event).ended()
    assert answer.state == "complete", answer.error
    assert answer.trailers == {}, answer.trailer_error
    if answer.document is None:
        return answer.prelude["statusCode"], answer.prelude["headers"], answer.body
    document = answer.document
    many = {name: values[0] for name, values in (document.get("multiValueHeaders") or {}).items()}
    body = document["body"]
    raw = base64.b64decode(body) if document["isBase64Encoded"] else body.encode()
    return document["statusCode"], {**(document.get("headers") or {}), **many}, raw


@pytest.mark.parametrize("form", ["rest", "url"])
@pytest.mark.parametrize(("function", "name"), FUNCTIONS, ids=["create", "get", "list", "create, as the URL has it"])
def test_any_head_gets_an_answer_or_the_envelope(host, stored, function, name, form):
    sample = json.loads((ROOT / f"events/{name}.{form}.json").read_text())
    for changes in events(name, form, stored.ada):
        status, headers, body = answered(host, function, sample | changes)
        told = (str(changes)[-300:], status, body[:300])
        assert 200 <= status < 500, told
        assert headers["x-request-id"], told
        if status >= 400:
            assert set(json.loads(body)["error"]) == {"message", "type", "code", "param"}, told
