"""Tools and items that come in the midst of a conversation."""

from __future__ import annotations

from tests.support.caller import refused
from tests.support.client_tools import CRM, CUSTOM, FIND, QUESTION, called, create, names
from tests.support.service import Service
from tests.support.upstream import Upstream

# tools that come in the midst of a conversation


SEARCH = {"type": "tool_search", "execution": "client", "description": "Searches."}


def test_tools_that_a_client_finds_are_offered_from_then_on(service: Service, key: str, upstream: Upstream) -> None:
    called(upstream, "tool_search", '{"query": "customers"}')
    first = create(service, key, input=[QUESTION], tools=[SEARCH])
    (call,) = first["output"]
    assert (call["type"], call["execution"]) == ("tool_search_call", "client")
    assert call["arguments"] == {"query": "customers"}
    found = {"type": "tool_search_output", "call_id": call["call_id"], "execution": "client", "tools": [CRM]}
    second = create(service, key, input=[found], previous_response_id=first["id"], tools=[SEARCH])
    assert names(upstream) == ["tool_search", "crm__find", "crm__do"]
    assert "crm__find" in upstream.requests[-1].body["messages"][-1]["content"]
    called(upstream, "crm__find", "{}")
    upstream.scripts = [upstream.scripts[0]]
    third = create(service, key, input="Find", previous_response_id=second["id"], tools=[SEARCH])
    assert [(item["name"], item["namespace"]) for item in third["output"]] == [("find", "crm")]
    again = [QUESTION, call, found, found | {"call_id": "other"}]
    refused(service.post(key, model="agent", input=again, tools=[SEARCH]), 400, "tool_output_mismatch")


def test_a_search_that_openai_ran_is_read_over(service: Service, key: str, upstream: Upstream) -> None:
    ran = {"type": "tool_search_call", "execution": "server", "arguments": {"paths": ["crm"]}}
    found = {"type": "tool_search_output", "execution": "server", "tools": [CRM, {"type": "web_search"}]}
    response = create(service, key, input=[ran, found, QUESTION])
    assert names(upstream) == ["crm__find", "crm__do"]
    assert response["antiphon"]["tools_left_out"] == ["web_search"]
    assert [message["role"] for message in upstream.requests[-1].body["messages"]] == ["user"]


def test_additional_tools_are_offered_once_beside_the_others(service: Service, key: str, upstream: Upstream) -> None:
    """Codex sends them with every request for the newest models, and no ``tools``."""
    called(upstream, "crm__do", '{"input": "it"}')
    bringing = {"type": "additional_tools", "role": "developer", "tools": [CRM, CUSTOM]}
    first = create(service, key, input=[bringing, QUESTION])
    assert names(upstream) == ["crm__find", "crm__do", "edit"]
    (call,) = first["output"]
    output = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "did"}
    asked = {"input": [bringing, output], "previous_response_id": first["id"], "tools": [CUSTOM]}
    second = create(service, key, **asked)
    assert names(upstream) == ["edit", "crm__find", "crm__do"]
    assert [tool["type"] for tool in second["tools"]] == ["custom", "namespace"]
    listed = service.get(f"/v1/responses/{second['id']}/input_items?order=asc", key).json()["data"]
    create(service, key, input=listed)


def test_calls_that_openai_ran_in_earlier_turns_are_read_over(service: Service, key: str, upstream: Upstream) -> None:
    """A conversation that began with OpenAI's own API goes on here."""
    searched = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    drawn = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "aGk="}
    said = {"role": "assistant", "content": "It is sunny."}
    first = create(service, key, input=[QUESTION, searched, drawn, said, {"role": "user", "content": "And?"}])
    roles = [message["role"] for message in upstream.requests[-1].body["messages"]]
    assert roles == ["user", "assistant", "user"]
    listed = service.get(f"/v1/responses/{first['id']}/input_items?order=asc", key).json()["data"]
    create(service, key, input=listed)


def test_a_message_between_agents_is_read_as_a_message(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/sgl-project/sglang/pull/35216, https://github.com/MetaFARS/codex-relay/issues/60."""
    content = [
        {"type": "input_text", "text": "NEW_TASK"},
        {"type": "encrypted_content", "encrypted_content": "Write a poem."},
    ]
    sent = {"type": "agent_message", "author": "/root", "recipient": "/root/poet", "content": content}
    create(service, key, input=[sent])
    (message,) = upstream.requests[-1].body["messages"]
    assert message["role"] == "user"
    assert message["content"] == "Message from /root to /root/poet:\nNEW_TASK\nWrite a poem."


def test_reasoning_of_all_turns_is_what_the_model_gets_anyway(service: Service, key: str) -> None:
    for context in ("auto", "all_turns"):
        create(service, key, input="Go", reasoning={"context": context, "mode": "standard"})
    for name, value in [("context", "current_turn"), ("mode", "pro")]:
        asked = {"model": "agent", "input": "Go", "reasoning": {name: value}}
        refused(service.post(key, **asked), 400, "unsupported_value", f"reasoning.{name}")


def test_the_older_name_of_a_reasoning_summary_is_honoured(service: Service, key: str) -> None:
    response = create(service, key, input="Go", reasoning={"generate_summary": "auto"})
    assert response["reasoning"]["summary"] == "auto"


def test_a_cache_is_not_warmed_by_an_answer_that_nobody_wants(service: Service, key: str) -> None:
    create(service, key, input="Go", prompt_cache_options={"mode": "explicit", "prewarm": False})
    asked = {"model": "agent", "input": "Go", "prompt_cache_options": {"prewarm": True}}
    refused(service.post(key, **asked), 400, "unsupported_parameter", "prompt_cache_options.prewarm")


def test_tools_are_bounded_wherever_they_come_from(service: Service, key: str) -> None:
    many = [{"type": "function", "name": f"f{number}"} for number in range(128)]
    spaces = [{**CRM, "name": f"n{number}", "tools": many} for number in range(9)]
    refused(service.post(key, model="agent", input="Go", tools=spaces), 400, "out_of_range", "tools")
    deep = {**FIND, "parameters": {"enum": list(range(20_000))}}
    bringing = {"type": "additional_tools", "role": "developer", "tools": [deep]}
    refused(service.post(key, model="agent", input=[bringing, QUESTION]), 400, "out_of_range", "tools")
