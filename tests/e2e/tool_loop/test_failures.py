"""Tools that fail, and requests that fail after a tool was called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from antiphon.ports import ToolFailure, ToolResult
from tests.support.server_tools import Tools, server
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, calls, text


def test_a_tool_that_fails_is_a_failed_item_that_the_model_reads(tmp_path: Path, upstream: Upstream) -> None:
    async def fails(_: Any) -> ToolResult:
        return ToolResult(failure=ToolFailure("execution", "There is no such customer."))

    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("Nobody.")]
    with Service(tmp_path, upstream, runner=Tools(find=fails), check_streams=True) as service:
        service.agent("agent", servers=(server("find"),))
        key = service.key()
        response = service.create(key, input="Who?")
    call = response["output"][0]
    assert call["status"] == "failed"
    assert call["error"] == {
        "type": "mcp_tool_execution_error",
        "content": [{"type": "text", "text": "There is no such customer."}],
    }
    assert "output" not in call
    assert response["status"] == "completed"
    assert upstream.requests[1].body["messages"][-1]["content"] == "There is no such customer."


def test_a_runner_that_breaks_costs_no_answer(tmp_path: Path, upstream: Upstream) -> None:
    async def breaks(_: Any) -> ToolResult:
        raise RuntimeError("secret")

    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("Nobody.")]
    with Service(tmp_path, upstream, runner=Tools(find=breaks)) as service:
        service.agent("agent", servers=(server("find"),))
        response = service.create(service.key(), input="Who?")
    assert response["status"] == "completed"
    assert "secret" not in json.dumps(response)


def test_arguments_that_are_no_object_reach_no_tool(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "[1]")), answer("Sorry.")]
    response = service.create(key, input="Who?")
    assert response["output"][0]["status"] == "failed"
    assert tools.calls == []


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize(("repeatable", "runs"), [(False, 1), (True, 3)], ids=["once", "may run twice"])
def test_a_client_does_not_repeat_a_failed_request_whose_tool_must_not_run_twice(
    service: Service, key: str, upstream: Upstream, tools: Tools, api: str, repeatable: bool, runs: int
) -> None:
    """OpenAI's SDKs repeat a request that failed at the server twice, unless they are told not to."""
    service.agent("agent", servers=(server("update", repeatable=repeatable),))
    breaks = Script.cut_after(10_000, text("It is "))
    upstream.scripts = [calls(("call_a", "crm__update", "{}")), breaks] * 3
    client = openai.OpenAI(
        base_url=service.base_url, api_key=key, http_client=openai.DefaultHttpxClient(trust_env=False)
    )
    question = "Update it"
    ask = {
        "responses": lambda: client.responses.create(model="agent", input=question),
        "chat": lambda: client.chat.completions.create(model="agent", messages=[{"role": "user", "content": question}]),
    }[api]
    with client, pytest.raises(openai.InternalServerError) as failed:
        ask()
    assert tools.names == ["update"] * runs
    assert failed.value.response.headers["x-should-retry"] == ("true" if repeatable else "false")
    assert ("retry-after" in failed.value.response.headers) == repeatable
