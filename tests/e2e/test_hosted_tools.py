"""Tools that only OpenAI's own service runs are left out and named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.web.left_out import LEFT_OUT
from tests.support.caller import refused
from tests.support.client_tools import CUSTOM, FIND, create
from tests.support.service import Service
from tests.support.upstream import Upstream

# tools that only OpenAI's own service runs


HOSTED = [
    {"type": "web_search", "external_web_access": True, "search_content_types": ["text", "image"]},
    {"type": "web_search_preview", "search_context_size": "low"},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "image_generation", "partial_images": 1},
    {"type": "computer_use_preview", "display_width": 1, "display_height": 1, "environment": "mac"},
    {"type": "computer"},
    {"type": "tool_search"},
    {"type": "shell", "environment": {"type": "container_auto"}},
]


@pytest.mark.parametrize("tool", HOSTED, ids=lambda tool: tool["type"])
def test_a_tool_that_nobody_can_run_here_is_left_out_and_named(
    service: Service, key: str, upstream: Upstream, tool: dict[str, Any]
) -> None:
    """https://github.com/HarnessRouter/harnessrouter/issues/202: Codex sends ``web_search`` by default."""
    answered = service.post(key, model="agent", input="Go", tools=[tool, FIND])
    response = answered.json()
    assert response["status"] == "completed"
    assert [sent["function"]["name"] for sent in upstream.requests[-1].body["tools"]] == ["find"]
    assert [shown["name"] for shown in response["tools"]] == ["find"], "never echoed as in force"
    assert response["antiphon"]["tools_left_out"] == [tool["type"]]
    assert answered.headers[LEFT_OUT] == tool["type"]
    assert service.retrieve(key, response["id"]) == response
    with service.streaming(key, input="Go", tools=[tool]) as stream:
        assert stream.headers[LEFT_OUT] == tool["type"]
        events = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: {")]
    assert events[0]["response"]["antiphon"] == events[-1]["response"]["antiphon"]
    assert events[-1]["response"]["antiphon"]["tools_left_out"] == [tool["type"]]


def test_a_response_that_left_nothing_out_says_nothing_of_it(service: Service, key: str) -> None:
    answered = service.post(key, model="agent", input="Go", tools=[FIND])
    assert LEFT_OUT not in answered.headers
    assert "tools_left_out" not in answered.json().get("antiphon", {})


def test_an_answer_that_is_given_again_names_what_was_left_out(service: Service, key: str) -> None:
    for _ in range(2):
        answered = service.post(
            key, headers={"idempotency-key": "k"}, model="agent", input="Go", tools=[{"type": "web_search"}]
        )
        assert answered.headers[LEFT_OUT] == "web_search"


def test_a_choice_of_a_tool_that_nobody_can_run_here_is_refused(service: Service, key: str) -> None:
    hosted = {"type": "web_search_preview"}
    asked = {"model": "agent", "input": "Go", "tools": [hosted]}
    refused(service.post(key, **asked, tool_choice=hosted), 400, "unsupported_value", "tool_choice.type")
    refused(service.post(key, **asked, tool_choice="required"), 400, "invalid_value", "tool_choice")
    allowed = {"type": "allowed_tools", "tools": [hosted]}
    refused(service.post(key, **asked, tool_choice=allowed), 400, "unsupported_value", "tool_choice.tools[0].type")


def test_a_deployment_can_refuse_what_nobody_can_run_here(tmp_path: Path) -> None:
    with Service(tmp_path, unknown_tools="refuse") as service:
        key = service.key()
        sent = {"model": "agent", "input": "Go", "tools": [FIND, {"type": "web_search"}]}
        error = refused(service.post(key, **sent), 400, "unsupported_value", "tools[1].type")
        assert "web_search" not in json.dumps(create(service, key, input="Go", tools=[CUSTOM]))
    assert error["message"].endswith("Leave it out.")
