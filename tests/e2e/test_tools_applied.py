"""Agents with tools that are applied over HTTP, and then called by their users."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.access import keys
from antiphon.access.rights import ALL
from antiphon.records import Role, User
from tests.support.answering import Answer, Answering
from tests.support.caller import TENANT
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call, usage


@pytest.fixture
def tools() -> Iterator[Answering]:
    with Answering(lambda _: Answer(json={"left": 4})) as server:
        yield server


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, tools: Answering) -> Iterator[Service]:
    with Service(tmp_path, upstream, check_streams=True, tool_hosts=(tools.place,)) as running:
        yield running


SKU = {"name": "sku", "in": "path", "required": True, "schema": {"type": "string"}}


def apply(service: Service, tools: Answering, openapi: Any, **more: Any) -> Any:
    """Apply an agent with an API over HTTP, with a management key; return the answer."""
    key = keys.make_management_key("test", secrets.token_bytes)
    record = keys.record(key, tenant=TENANT, user="root", now=int(time.time()), management=True)
    service.run(service.services.directory.put(Role(TENANT, "DEPLOYS", manage=ALL)))
    service.run(service.services.directory.put(User(TENANT, "root", role="DEPLOYS")))
    service.run(service.services.keys.add(record))
    api = {"label": "stock", "openapi": openapi, "url": tools.url("/v1")}
    document = {"author": "root", "provider": "up", "model": "m", "tools": [{"http": api, **more}]}
    document["grants"] = [{"principal": "public", "level": "viewer"}]
    reply = service.client.put("/v1/admin/agents/applied", json=document, headers={"authorization": f"Bearer {key}"})
    return reply.status_code, reply.json()


def document(path: str = "/items/{sku}") -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": {path: {"parameters": [SKU], "get": {"operationId": "getItem"}}}}


def test_an_agent_with_an_api_is_applied_with_its_document_and_called(
    service: Service, key: str, upstream: Upstream, tools: Answering
) -> None:
    assert apply(service, tools, document())[0] == 200
    call = tool_call(0, "call_a", "stock__getItem", json.dumps({"sku": "A 1"}))
    upstream.scripts = [Script.stream(call, finish("tool_calls"), usage(10, 5)), answer("Four.")]
    response = service.create(key, model="applied", input="How many?")
    assert [item["type"] for item in response["output"]] == ["mcp_call", "message"]
    assert response["output"][0]["output"] == '{"left": 4}'
    assert tools.asked[0].path == "/v1/items/A%201"


@pytest.mark.parametrize(
    ("openapi", "told"),
    [
        ("/etc/passwd", "which only `antiphon agents apply` reads"),
        ("../secrets.yaml", "which only `antiphon agents apply` reads"),
        ("http://169.254.169.254/openapi.json", "ToolHosts"),
        (document("/items/{id}"), "#/paths/~1items~1{id}/parameters/0: the path has no {sku}"),
    ],
)
def test_what_cannot_be_used_is_refused_over_http_and_no_file_of_the_server_is_read(
    service: Service, tools: Answering, openapi: Any, told: str
) -> None:
    status, body = apply(service, tools, openapi)
    assert (status, body["error"]["param"]) == (400, "tools")
    assert told in body["error"]["message"]
    assert tools.connections == 0


def test_a_missing_secret_is_in_the_log_by_its_name_and_in_no_answer(
    service: Service, key: str, upstream: Upstream, tools: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    assert apply(service, tools, document(), auth={"bearer": {"env": "TOOL_STOCK_KEY"}})[0] == 200
    call = tool_call(0, "call_a", "stock__getItem", json.dumps({"sku": "A"}))
    upstream.scripts = [Script.stream(call, finish("tool_calls"), usage(10, 5)), answer("No.")]
    response = service.create(key, model="applied", input="How many?")
    assert "TOOL_STOCK_KEY" not in json.dumps([response, upstream.requests[-1].body], default=str)
    (line,) = [vars(record) for record in caplog.records if record.message == "tool not called"]
    assert (line["server"], line["tool"]) == ("stock", "getItem")
    assert line["reason"] == "`auth` asks for the variable TOOL_STOCK_KEY, which is missing in the environment"
