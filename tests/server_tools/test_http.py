"""Operations of HTTP APIs against a server that notes its requests: where arguments go, and what comes of answers."""

from __future__ import annotations

import json
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest

from antiphon.ports import ToolResult
from tests.support.answering import Answer, Answering, Asked
from tests.support.pinned import TOKEN, PinnedTools, pinned


def document(server: Answering, paths: Any, version: str = "3.1.0") -> dict[str, Any]:
    return {"openapi": version, "servers": [{"url": server.url("/v1")}], "paths": paths}


def parameter(name: str, place: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": {}, **({"required": True} if place == "path" else {}), **fields}


async def api(server: Answering, paths: Any, auth: Any = None, **settings: Any) -> PinnedTools:
    entry = {"http": {"label": "api", "openapi": document(server, paths)}}
    return await pinned(entry | ({"auth": auth} if auth else {}), tool_hosts=(server.place,), **settings)


async def asked_with(parameters: list[Any], arguments: Any, path: str = "/a", **operation: Any) -> Asked:
    with Answering() as server:
        tools = await api(server, {path: {"post": {"operationId": "op", "parameters": parameters, **operation}}})
        result = await tools.call("op", arguments)
        assert result.failure is None, result
    (asked,) = server.asked
    return asked


LIST, OBJECT = ["blue", "black"], {"R": 100, "G": 200}


@pytest.mark.parametrize(
    ("style", "explode", "value", "expected"),
    [
        ("simple", False, 5, "5"),
        ("simple", False, LIST, "blue,black"),
        ("simple", False, OBJECT, "R,100,G,200"),
        ("simple", True, OBJECT, "R=100,G=200"),
        ("label", False, LIST, ".blue,black"),
        ("label", True, LIST, ".blue.black"),
        ("label", False, OBJECT, ".R,100,G,200"),
        ("label", True, OBJECT, ".R=100.G=200"),
        ("matrix", False, "x", ";c=x"),
        ("matrix", False, LIST, ";c=blue,black"),
        ("matrix", True, LIST, ";c=blue;c=black"),
        ("matrix", False, OBJECT, ";c=R,100,G,200"),
        ("matrix", True, OBJECT, ";R=100;G=200"),
        ("simple", False, "a/b?c#d é", "a%2Fb%3Fc%23d%20%C3%A9"),
        ("simple", False, True, "true"),
        ("simple", False, 1.5, "1.5"),
    ],
)
async def test_a_value_is_written_into_the_path_by_its_style(
    style: str, explode: bool, value: Any, expected: str
) -> None:
    """The table "Style Examples" of OpenAPI 3.1."""
    asked = await asked_with([parameter("c", "path", style=style, explode=explode)], {"c": value}, "/a/{c}/z")
    assert asked.path == f"/v1/a/{expected}/z"


@pytest.mark.parametrize(
    ("style", "explode", "value", "expected"),
    [
        ("form", True, LIST, "c=blue&c=black"),
        ("form", False, LIST, "c=blue,black"),
        ("form", True, OBJECT, "R=100&G=200"),
        ("form", False, OBJECT, "c=R,100,G,200"),
        ("spaceDelimited", False, LIST, "c=blue%20black"),
        ("pipeDelimited", False, LIST, "c=blue%7Cblack"),
        ("deepObject", True, OBJECT, "c%5BR%5D=100&c%5BG%5D=200"),
        ("deepObject", True, {"a": {"b": [1, 2]}}, "c%5Ba%5D%5Bb%5D%5B0%5D=1&c%5Ba%5D%5Bb%5D%5B1%5D=2"),
        ("form", True, "a&b=c d+é", "c=a%26b%3Dc%20d%2B%C3%A9"),
        ("form", True, "", "c="),
        ("form", True, [], ""),
    ],
)
async def test_a_value_is_written_into_the_query_by_its_style(
    style: str, explode: bool, value: Any, expected: str
) -> None:
    asked = await asked_with([parameter("c", "query", style=style, explode=explode)], {"c": value})
    assert asked.path.partition("?")[2] == expected


async def test_reserved_characters_stay_as_they_are_if_the_document_allows_them() -> None:
    asked = await asked_with([parameter("c", "query", allowReserved=True)], {"c": "/a:b?c&d=e"})
    assert asked.path == "/v1/a?c=/a:b?c%26d%3De"


async def test_values_are_written_into_headers_and_cookies() -> None:
    parameters = [
        parameter("X-List", "header"),
        parameter("X-Object", "header", explode=True),
        parameter("session", "cookie"),
        parameter("filter", "query", content={"application/json": {"schema": {"type": "object"}}}),
    ]
    arguments = {"X-List": LIST, "X-Object": OBJECT, "session": "a b;c", "filter": {"a": [1]}, "unknown": 5}
    asked = await asked_with(parameters, arguments)
    assert (asked.headers["x-list"], asked.headers["x-object"]) == ("blue,black", "R=100,G=200")
    assert asked.headers["cookie"] == "session=a%20b%3Bc"
    assert dict(parse_qsl(asked.path.partition("?")[2])) == {"filter": '{"a":[1]}'}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("path", ".."),
        ("path", "."),
        ("path", "a/../b"),
        ("path", "..\\x"),
        ("path", ""),
        ("path", [".."]),
        ("header", "a\r\nx-evil: 1"),
        ("header", "é"),
    ],
)
async def test_a_value_that_would_change_the_request_is_never_sent(place: str, value: Any) -> None:
    """A model, or whoever it read, chooses the value: it must not lead to another path or add a header."""
    path = "/a/{c}" if place == "path" else "/a"
    with Answering() as server:
        tools = await api(server, {path: {"get": {"operationId": "op", "parameters": [parameter("c", place)]}}})
        result = await tools.call("op", {"c": value})
    assert result.failure is not None
    assert result.failure.cause == "refused"
    assert server.connections == 0


async def test_a_missing_argument_is_told_to_the_model_and_nothing_is_sent() -> None:
    paths = {
        "/a/{id}": {
            "post": {
                "operationId": "op",
                "parameters": [parameter("id", "path")],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
            }
        }
    }
    with Answering() as server:
        tools = await api(server, paths)
        first, second = await tools.call("op", {}), await tools.call("op", {"id": 5})
    assert [one.failure and one.failure.message for one in (first, second)] == [
        "The argument id is missing.",
        "The argument body is missing.",
    ]
    assert server.connections == 0


def with_body(kind: str, schema: Any = None, **media: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {kind: {"schema": schema or {}, **media}}}}


async def test_a_body_is_sent_as_json() -> None:
    asked = await asked_with([], {"body": {"a": [1, None]}}, **with_body("application/merge-patch+json"))
    assert (asked.json, asked.headers["content-type"]) == ({"a": [1, None]}, "application/merge-patch+json")


async def test_an_optional_body_is_left_out() -> None:
    asked = await asked_with([], {}, **with_body("application/json"))
    assert (asked.body, "content-type" in asked.headers) == (b"", False)


async def test_a_form_is_encoded_as_the_document_has_it() -> None:
    """Stripe's document has such bodies: nested objects as ``deepObject``."""
    encoding = {"items": {"style": "deepObject", "explode": True}, "tags": {"style": "form", "explode": False}}
    values = {
        "name": "a b",
        "items": {"x": {"y": 1}},
        "tags": ["a", "b"],
        "ids": [1, 2],
        "meta": {"k": "v"},
        "none": None,
    }
    asked = await asked_with([], {"body": values}, **with_body("application/x-www-form-urlencoded", encoding=encoding))
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(asked.body.decode()) == [
        ("name", "a b"),
        ("items[x][y]", "1"),
        ("tags", "a,b"),
        ("ids", "1"),
        ("ids", "2"),
        ("meta", '{"k":"v"}'),
    ]


async def test_a_form_may_have_parts_and_files() -> None:
    schema = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
    values = {"file": "line\r\n--x", "title": "é", "meta": {"a": 1}, "tags": ["a", "b"]}
    asked = await asked_with([], {"body": values}, **with_body("multipart/form-data", schema))
    parsed = message_from_bytes(b"content-type: " + asked.headers["content-type"].encode() + b"\r\n\r\n" + asked.body)
    parts = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in parsed.get_payload()
    ]
    assert parts == [
        ("file", "file", "application/octet-stream", b"line\r\n--x"),
        ("title", None, "text/plain", "é".encode()),
        ("meta", None, "application/json", b'{"a":1}'),
        ("tags", None, "text/plain", b"a"),
        ("tags", None, "text/plain", b"b"),
    ]


async def test_text_is_sent_as_text() -> None:
    asked = await asked_with([], {"body": "a: 1"}, **with_body("text/plain"))
    assert (asked.body, asked.headers["content-type"]) == (b"a: 1", "text/plain")


async def test_a_call_that_changes_something_carries_its_token() -> None:
    with Answering() as server:
        tools = await api(
            server, {"/a": {method: {"operationId": method} for method in ("get", "post", "put", "patch", "delete")}}
        )
        for name in tools.tools:
            await tools.call(name)
    keys = {asked.method: asked.headers.get("idempotency-key") for asked in server.asked}
    assert keys == {"GET": None, "POST": TOKEN, "PUT": TOKEN, "PATCH": TOKEN, "DELETE": TOKEN}


async def answered(answer: Answer, **settings: Any) -> ToolResult:
    with Answering(lambda _: answer) as server:
        tools = await api(server, {"/a": {"get": {"operationId": "op"}}}, **settings)
        return await tools.call("op")


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        (Answer(json={"a": 1}), '{"a": 1}'),
        (Answer(pieces=[b"a,b\n1,2"], headers={"content-type": "text/csv"}), "a,b\n1,2"),
        (Answer(pieces=["é".encode("latin-1")], headers={"content-type": "text/plain; charset=ISO-8859-1"}), "é"),
        (Answer(pieces=["é".encode()], headers={"content-type": "text/plain; charset=unknown"}), "é"),
        (Answer(204), "Status 204, without content."),
        (
            Answer(pieces=[b"%PDF-\xff\xfe"], headers={"content-type": "application/pdf"}),
            "[application/pdf of 7 bytes, left out]",
        ),
    ],
)
async def test_what_a_server_answers_is_shown_as_text(answer: Answer, output: str) -> None:
    assert await answered(answer) == ToolResult(output)


async def test_an_image_is_shown_to_models_that_read_images() -> None:
    result = await answered(Answer(pieces=[b"\x89PNG"], headers={"content-type": "image/png"}))
    assert (result.images, result.failure) == (("data:image/png;base64,iVBORw==",), None)


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 500, 503])
async def test_an_error_is_a_failure_with_what_the_server_wrote(status: int) -> None:
    result = await answered(Answer(status, json={"message": "no such item"}))
    assert result.output == '{"message": "no such item"}'
    assert result.failure is not None
    assert (result.failure.cause, result.failure.code) == ("http", status)
    assert result.failure.message == f"The server answered with status {status}."


async def test_the_page_of_a_gateway_is_not_shown() -> None:
    result = await answered(
        Answer(502, pieces=[b"<html>internal-host-7</html>"], headers={"content-type": "text/html"})
    )
    assert (result.output, result.failure and result.failure.code) == ("", 502)


async def test_a_redirect_is_a_failure() -> None:
    with Answering() as elsewhere:
        result = await answered(Answer(302, headers={"location": elsewhere.url()}))
    assert result.failure is not None
    assert result.failure.cause == "http"
    assert elsewhere.connections == 0


AUTHS = [
    ({"bearer": {"env": "TOOL_KEY"}}, "authorization", "Bearer canary-secret"),
    ({"basic": {"user": "ada", "password": {"env": "TOOL_KEY"}}}, "authorization", "Basic YWRhOmNhbmFyeS1zZWNyZXQ="),
    ({"header": {"name": "X-Key", "value": {"env": "TOOL_KEY"}}}, "x-key", "canary-secret"),
]


@pytest.mark.parametrize(("auth", "header", "value"), AUTHS)
async def test_credentials_are_sent_and_hidden_if_they_come_back(
    auth: Any, header: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOL_KEY", "canary-secret")
    with Answering(lambda asked: Answer(json={"you sent": asked.headers[header]})) as server:
        tools = await api(server, {"/a": {"get": {"operationId": "op"}}}, auth)
        result = await tools.call("op")
    assert server.asked[0].headers[header] == value
    assert "canary" not in repr(result)
    assert "canary" not in json.dumps(tools.server.auth) + json.dumps(tools.server.settings)


async def test_a_key_may_go_into_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_KEY", "canary-secret")
    auth = {"query": {"name": "api_key", "value": {"env": "TOOL_KEY"}}}
    parameters = [parameter("api_key", "query", required=True), parameter("q", "query")]
    with Answering() as server:
        tools = await api(server, {"/a": {"get": {"operationId": "op", "parameters": parameters}}}, auth)
        await tools.call("op", {"q": 1})
    assert list(tools.tools["op"].parameters["properties"]) == ["q"]
    assert server.asked[0].path == "/v1/a?q=1&api_key=canary-secret"


async def test_oauth_client_credentials_are_exchanged_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_KEY", "canary-secret")
    with (
        Answering(lambda _: Answer(json={"access_token": "t1", "token_type": "bearer"})) as issuer,
        Answering() as server,
    ):
        auth = {"oauth": {"token_url": issuer.url("/token"), "client_id": "c", "client_secret": {"env": "TOOL_KEY"}}}
        entry = {
            "http": {"label": "api", "openapi": document(server, {"/a": {"get": {"operationId": "op"}}})},
            "auth": auth,
        }
        tools = await pinned(entry, tool_hosts=(server.place, issuer.place))
        await tools.call("op")
    assert server.asked[0].headers["authorization"] == "Bearer t1"


async def test_the_token_server_reads_the_servers_url_and_nothing_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source: RFC 8707, section 2: the resource is where the token is used, and not what is done with it."""
    monkeypatch.setenv("TOOL_KEY", "canary-secret")
    with (
        Answering(lambda _: Answer(json={"access_token": "t1", "token_type": "bearer"})) as issuer,
        Answering() as server,
    ):
        auth = {"oauth": {"token_url": issuer.url("/token"), "client_id": "c", "client_secret": {"env": "TOOL_KEY"}}}
        parameters = [parameter("id", "path"), parameter("q", "query")]
        paths = {"/people/{id}": {"get": {"operationId": "op", "parameters": parameters}}}
        entry = {"http": {"label": "api", "openapi": document(server, paths)}, "auth": auth}
        tools = await pinned(entry, tool_hosts=(server.place, issuer.place))
        for number in range(3):
            await tools.call("op", {"id": f"private-{number}", "q": "private"})
    (asked,) = issuer.asked
    assert parse_qs(asked.body.decode())["resource"] == [server.url("/v1")]
    assert "private" not in asked.body.decode()
    assert [request.path for request in server.asked] == [f"/v1/people/private-{n}?q=private" for n in range(3)]
