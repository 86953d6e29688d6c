"""What a request chooses of the agent's tools."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller import refused
from tests.support.service import Service
from tests.support.upstream import Upstream, answer, calls


def test_a_forced_choice_is_forced_once(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada.")]
    service.create(key, input="Who?", tool_choice={"type": "mcp", "server_label": "crm", "name": "find"})
    choices = [request.body.get("tool_choice") for request in upstream.requests]
    assert choices[0] == {"type": "function", "function": {"name": "crm__find"}}
    assert choices[1] in (None, "auto")


def test_a_request_narrows_the_tools_of_a_server_and_gets_their_list(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Hello")]
    narrow = {"type": "mcp", "server_label": "crm", "allowed_tools": ["find"]}
    response = service.create(key, input="Hi", tools=[narrow])
    assert [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]] == ["crm__find"]
    listed = response["output"][0]
    assert listed["type"] == "mcp_list_tools"
    assert [tool["name"] for tool in listed["tools"]] == ["find"]
    second = service.create(key, input="Hi", tools=[narrow], previous_response_id=response["id"])
    assert [item["type"] for item in second["output"]] == ["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"server_label": "other"}, "tools[0].server_label"),
        ({"server_url": "https://evil.example/mcp"}, "tools[0].server_url"),
        ({"allowed_tools": ["drop"]}, "tools[0].allowed_tools"),
        ({"allowed_tools": {"tool_names": ["drop"]}}, "tools[0].allowed_tools"),
        ({"headers": {"authorization": "x"}}, "tools[0].headers"),
        ({"authorization": "x"}, "tools[0].authorization"),
    ],
)
def test_a_request_cannot_bring_a_server_of_its_own(
    service: Service, key: str, upstream: Upstream, fields: dict[str, Any], param: str
) -> None:
    tool = {"type": "mcp", "server_label": "crm", **fields}
    assert service.post(key, model="agent", input="Hi", tools=[tool]).json()["error"]["param"] == param
    assert upstream.requests == []


def test_a_choice_of_a_server_that_the_agent_has_not_is_refused(service: Service, key: str) -> None:
    choice = {"type": "mcp", "server_label": "other"}
    refused(
        service.post(key, model="agent", input="Hi", tool_choice=choice),
        400,
        "invalid_value",
        "tool_choice.server_label",
    )
