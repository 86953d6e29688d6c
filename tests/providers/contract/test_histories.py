"""Histories that clients really send, in a form that every provider takes.

Each is sent to a scripted endpoint over a socket, and held against the rules by which the providers refuse histories.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from antiphon.ports import CALL_STATE, StopDelta, TextDelta
from antiphon.records import Item
from antiphon.settings import ProviderEndpoint
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, run, user
from tests.support.conversations import PIXEL
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.upstream import Upstream

PAIRED = [protocol for protocol in PROTOCOLS if protocol.kind != "openai_responses"]
TURNED = [protocol for protocol in PROTOCOLS if protocol.kind in {"anthropic", "bedrock"}]
BLANKS = ("", " ", "\n\n")


def told(role: str, text: str) -> Item:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def thought(text: str = "Hm.", **more: Any) -> Item:
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": text}], **more}


def compaction(text: str) -> Item:
    return {"type": "compaction", "summary": [{"type": "summary_text", "text": text}]}


CALL, OUTPUT = function_call("call_a", "f"), function_call_output("call_a", "1")
OTHER, OTHERS = function_call("call_b", "f"), function_call_output("call_b", "2")

BETWEEN = {
    "a user's message between a call and its output": [user("x"), CALL, user("y"), OUTPUT],
    "a developer's message between": [user("x"), CALL, told("developer", "Be brief."), OUTPUT, user("y")],
    "a system message between": [user("x"), CALL, told("system", "Be brief."), OUTPUT],
    "an answer between": [user("x"), CALL, assistant("Wait."), OUTPUT],
    "a question and an answer between": [user("x"), CALL, user("y"), assistant("Wait."), OUTPUT, user("z")],
    "outputs in another order": [user("x"), CALL, OTHER, OTHERS, OUTPUT],
    "an output before the other call": [user("x"), CALL, OTHER, OUTPUT, assistant("One."), OTHERS],
    "a message between two outputs": [user("x"), CALL, OTHER, OUTPUT, user("y"), OTHERS],
    "a second call while the first is open": [user("x"), CALL, user("y"), OTHER, OTHERS, OUTPUT],
    "reasoning between parallel calls": [user("x"), thought(), CALL, thought("So."), OTHER, OUTPUT, OTHERS],
    "reasoning between a call and its output": [user("x"), CALL, thought(), OUTPUT],
}
EMPTY = {
    f"{where} {text!r}": items
    for text in BLANKS
    for where, items in {
        "an empty answer": [user("x"), assistant(text), user("y")],
        "an empty answer at the end": [user("x"), assistant(text)],
        "an empty answer beside a call": [user("x"), assistant(text), CALL, OUTPUT],
        "an empty answer after calls": [user("x"), CALL, OUTPUT, assistant(text), user("y")],
        "an empty compaction": [compaction(text), user("x")],
        "empty instructions": [told("developer", text), user("x"), told("developer", text), user("y")],
        "an empty question": [user("x"), assistant("Hi."), user(text)],
        "only an empty question": [user(text)],
    }.items()
}
ENDS = {
    "a greeting first": [assistant("Hello!"), user("x")],
    "a call first": [CALL, OUTPUT],
    "a compaction first": [compaction("We spoke."), assistant("Yes."), user("x")],
    "a compaction alone": [compaction("We spoke.")],
    "instructions and a greeting": [told("developer", "Be brief."), assistant("Hello!"), user("x")],
    "only instructions": [told("developer", "Say hello.")],
    "only system messages": [told("system", "Be brief."), told("system", "Say hello.")],
    "an answer last": [user("x"), assistant("The answer is ")],
    "reasoning alone": [thought()],
    "reasoning first": [thought(), assistant("Hi."), user("x")],
    "reasoning last": [user("x"), thought()],
    "reasoning without what followed": [user("x"), thought(), user("y")],
    "reasoning after the answer": [user("x"), assistant("Hi."), thought(), user("y")],
}
HISTORIES: dict[str, list[Item]] = {**BETWEEN, **EMPTY, **ENDS}


def sent(protocol: Protocol, items: Sequence[Item], model: str | None = None, **more: Any) -> dict[str, Any]:
    provider_fields = more.pop("provider", {})
    call = replace(model_call(items, tools=[function_tool("f")], **more), model=model or protocol.model)
    with Upstream([protocol.script([TextDelta("x"), StopDelta("stop")])]) as upstream:
        provider = protocol.provider(upstream.base_url, **provider_fields)
        provider.check(call)
        run(provider, call)
    return protocol.told(upstream.requests[0].body)


def signed(protocol: Protocol, items: Sequence[Item]) -> list[Item]:
    """Add the state by which its maker takes reasoning back."""
    return [{**item, "state": protocol.state} if item["type"] == "reasoning" else item for item in items]


def require_chat(body: dict[str, Any]) -> None:
    waiting: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting, "an output is not directly after its call"
        waiting = [call["id"] for call in message.get("tool_calls", ())]
        if message["role"] == "assistant":
            assert waiting or (message["content"] or "").strip(), "an answer is empty"
    assert not waiting
    assert body["messages"]


def require_turns(body: dict[str, Any]) -> None:
    messages = body["messages"]
    roles = [message["role"] for message in messages]
    assert roles[0] == "user"
    assert all(one != other for one, other in pairwise(roles)), "two neighbours have one role"
    calls: list[str] = []
    for message in messages:
        blocks = message["content"]
        assert blocks
        assert all(text.strip() for text in texts(blocks)), "a text is blank"
        results = [result_of(block) for block in blocks]
        answered = [result for result in results if result]
        assert results[: len(answered)] == answered, "outputs do not come first"
        assert sorted(answered) == sorted(calls), "an output is not directly after its call"
        calls = [call for call in map(use_of, blocks) if call]
        if message["role"] == "assistant":
            assert not is_thinking(blocks[-1]), "thinking is last"
    assert not calls


def texts(blocks: list[dict[str, Any]]) -> list[str]:
    return [block["text"] for block in blocks if "text" in block]


def use_of(block: dict[str, Any]) -> str | None:
    return block["id"] if block.get("type") == "tool_use" else block.get("toolUse", {}).get("toolUseId")


def result_of(block: dict[str, Any]) -> str | None:
    used = block["tool_use_id"] if block.get("type") == "tool_result" else None
    return used or block.get("toolResult", {}).get("toolUseId")


def is_thinking(block: dict[str, Any]) -> bool:
    return block.get("type") == "thinking" or "reasoningContent" in block


def require_responses(body: dict[str, Any]) -> None:
    assert body["input"]
    for item, following in zip(body["input"], [*body["input"][1:], {}], strict=True):
        if item["type"] == "reasoning":
            made = following.get("type") in {"reasoning", "function_call"} or following.get("role") == "assistant"
            assert made, "reasoning was provided without what it led to"
        if item.get("role") == "assistant":
            assert "".join(part.get("text", "") for part in item["content"]).strip()


def require_taken(protocol: Protocol, body: dict[str, Any]) -> None:
    if protocol.kind == "openai_chat":
        require_chat(body)
    elif protocol.kind == "openai_responses":
        require_responses(body)
    else:
        require_turns(body)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_that_clients_send_is_taken(protocol: Protocol, name: str) -> None:
    """Outputs directly after their calls, roles in turn, nothing empty, no reasoning without what followed it.

    livekit/agents#1977, deepseek-integration#740, chatlas#429, home-assistant#175637, dify#12340, kibana#246393,
    strands-agents/sdk-typescript#727, opencode#29760, hermes-agent#105798, openai-agents-python#1660
    """
    require_taken(protocol, sent(protocol, HISTORIES[name]))
    if protocol.state is not None:
        require_taken(protocol, sent(protocol, signed(protocol, HISTORIES[name])))


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize(
    "dialect", [None, "openai", "openrouter", "gemini", "mistral", "deepseek", "vllm", "llama.cpp", "lmstudio"]
)
def test_a_history_is_taken_by_every_dialect_of_chat_completions(name: str, dialect: str | None) -> None:
    """Claude 4.6 refuses to continue its own text behind OpenRouter too: anomalyco/opencode#14772."""
    protocol = PAIRED[0]
    body = sent(protocol, HISTORIES[name], provider={"dialect": dialect, "reasoning_content": True})
    require_chat(body)
    spoken = [message["role"] for message in body["messages"] if message["role"] not in {"system", "developer"}]
    if dialect not in {None, "openai"}:
        assert spoken[0] == "user"
    if dialect not in {None, "openai", "vllm"}:
        assert spoken[-1] != "assistant"
    if dialect in {"vllm", "llama.cpp", "lmstudio"}:
        assert not any(one == other and one != "tool" for one, other in pairwise(spoken))
        assert "system" not in [message["role"] for message in body["messages"][1:]]


def test_reasoning_between_parallel_calls_is_one_message_with_them() -> None:
    """deepseek-integration#740: an assistant message without its outputs is refused."""
    messages = sent(PAIRED[0], BETWEEN["reasoning between parallel calls"], provider={"reasoning_content": True})[
        "messages"
    ]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    assert messages[1]["reasoning_content"] == "Hm.\nSo."


def test_reasoning_that_has_only_content_keeps_its_text() -> None:
    """vllm#28248"""
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    messages = sent(PAIRED[0], [user("x"), item, CALL, OUTPUT], provider={"reasoning_content": True})["messages"]
    assert messages[1]["reasoning_content"] == "Hm."


@pytest.mark.parametrize("protocol", TURNED, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("name", HISTORIES)
def test_a_model_that_refuses_to_continue_its_own_text_is_asked_by_the_user(protocol: Protocol, name: str) -> None:
    """langchain-ai/deepagents#1585, strands-agents/sdk-python#1694"""
    model = "claude-opus-4-6" if protocol.kind == "anthropic" else "anthropic.claude-opus-4-6-v1"
    body = sent(protocol, HISTORIES[name], model)
    require_turns(body)
    assert body["messages"][-1]["role"] == "user"


def test_a_model_that_takes_it_continues_its_own_text_without_white_space_at_its_end() -> None:
    for protocol, model in zip(TURNED, ("claude-sonnet-4-5", "anthropic.claude-sonnet-4-5"), strict=True):
        for effort, last in (("none", "assistant"), ("low", "user")):
            messages = sent(protocol, ENDS["an answer last"], model, reasoning={"effort": effort})["messages"]
            assert messages[-1]["role"] == last
            assert messages[1]["content"][-1]["text"].startswith("The answer is")
        assert sent(protocol, ENDS["an answer last"], model)["messages"][-1]["content"][-1]["text"] == "The answer is"


LOOPS = {
    "switched on in the midst": ([user("x"), CALL, OUTPUT], False),
    "a later call without thinking": ([user("x"), "signed", CALL, OUTPUT, OTHER, OTHERS], True),
    "signed": ([user("x"), "signed", CALL, OUTPUT], True),
    "signed in an earlier turn alone": ([user("x"), "signed", assistant("y"), user("z"), CALL, OUTPUT], False),
    "unsigned in an earlier turn alone": ([user("x"), CALL, OUTPUT, assistant("y"), user("z")], True),
    "of another model": ([user("x"), thought(), CALL, OUTPUT], False),
    "with a word of the user's": ([user("x"), CALL, OUTPUT, user("y")], False),
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("protocol", TURNED, ids=lambda protocol: protocol.name)
def test_a_loop_of_calls_that_began_without_signed_thinking_ends_without_thinking(
    protocol: Protocol, name: str
) -> None:
    """opencode#3077: Claude's manual thinking is refused there, wherever it was switched on or a fallback reached.

    Adaptive thinking has no such rule.
    """
    items, thinks = LOOPS[name]
    model = "claude-sonnet-4-5" if protocol.kind == "anthropic" else "anthropic.claude-sonnet-4-5"
    host = "@127.0.0.1" if protocol.kind == "anthropic" else ""
    state = {"kind": protocol.kind, "maker": model + host, "signature": "s"}
    whole = [thought(state=state) if item == "signed" else item for item in items]
    body = sent(protocol, whole, model, reasoning={"effort": "low"})
    config = body.get("thinking") or body.get("additionalModelRequestFields", {}).get("thinking")
    assert (config is not None) is thinks
    if not thinks:
        assert not any(is_thinking(block) for message in body["messages"] for block in message["content"])


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_a_provider_gets_its_own_id_of_a_call_back(protocol: Protocol) -> None:
    """litellm#41534, agno#2640"""
    own = "call_" + "x" * 100
    kept = {"type": "reasoning", "summary": [], "state": {"kind": CALL_STATE, "call_id": own}}
    told_ids = str(sent(protocol, [user("x"), kept, CALL, OTHER, user("y"), OUTPUT, OTHERS]))
    assert told_ids.count(own) == 2
    assert "call_a" not in told_ids
    assert told_ids.count("call_b") == 2


def ids_of(protocol: Protocol, body: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the ids of calls and those of outputs."""
    if protocol.kind == "openai_responses":
        kinds = ("function_call", "function_call_output")
        return tuple([item["call_id"] for item in body["input"] if item["type"] == kind] for kind in kinds)  # type: ignore[return-value]
    messages = body["messages"]
    if protocol.kind == "openai_chat":
        calls = [call["id"] for message in messages for call in message.get("tool_calls", ())]
        return calls, [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    blocks = [block for message in messages for block in message["content"]]
    return [use for use in map(use_of, blocks) if use], [result for result in map(result_of, blocks) if result]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_calls_of_two_turns_under_one_id_are_told_apart(protocol: Protocol) -> None:
    """can1357/oh-my-pi#2055: models number the calls of each turn anew, and endpoints refuse the second."""
    again = function_call_output("call_a", "2")
    calls, outputs = ids_of(protocol, sent(protocol, [user("x"), CALL, OUTPUT, CALL, again, user("y")]))
    assert calls == outputs
    assert (calls[0], len(set(calls))) == ("call_a", 2)


@pytest.mark.parametrize(
    ("dialect", "form"),
    [("openai", r"call_[0-9a-f]{32}"), ("azure", r"call_[0-9a-f]{32}"), ("mistral", r"[0-9a-z]{9}")],
)
def test_an_id_has_the_form_that_an_endpoint_takes(dialect: str, form: str) -> None:
    """OpenAI takes 40 characters, Mistral exactly nine letters and digits; other models make longer ones."""
    call_id = "chatcmpl-tool-" + "0123456789abcdef" * 2
    items = [user("x"), function_call(call_id, "f"), function_call_output(call_id, "1")]
    calls, outputs = ids_of(PAIRED[0], sent(PAIRED[0], items, provider={"dialect": dialect}))
    assert calls == outputs
    assert re.fullmatch(form, calls[0])
    assert ids_of(PAIRED[0], sent(PAIRED[0], items)) == ([call_id], [call_id])


def test_calls_that_another_model_made_reach_gemini_with_the_signature_that_is_documented_for_them() -> None:
    """vercel/ai, @ai-sdk/google 3.0.80: Gemini 3 refuses a turn whose first call has none."""
    items = [user("x"), CALL, OTHER, OUTPUT, OTHERS]
    messages = sent(PAIRED[0], items, provider={"dialect": "gemini"})["messages"]
    signatures = [call.get("extra_content") for call in messages[1]["tool_calls"]]
    assert signatures == [{"google": {"thought_signature": "skip_thought_signature_validator"}}, None]
    assert "extra_content" not in str(sent(PAIRED[0], items))


@pytest.mark.parametrize("dialect", ["vllm", "llama.cpp", "lmstudio"])
def test_neighbours_of_one_role_are_merged_where_a_template_wants_roles_to_alternate(dialect: str) -> None:
    """sterlp/eclipse-peon-ai#75, SWE-agent/mini-swe-agent#759: "conversation roles must alternate"."""
    image = {"type": "input_image", "image_url": PIXEL}
    items = [user("a"), user("b"), user([image]), assistant("c"), assistant("d"), user("e")]
    messages = sent(PAIRED[0], items, provider={"dialect": dialect})["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"][0] == {"type": "text", "text": "a\n\nb"}
    assert messages[0]["content"][1]["type"] == "image_url"
    assert messages[1]["content"] == "c\n\nd"


def test_deepseek_is_given_the_field_for_reasoning_with_every_answer() -> None:
    """MoonshotAI/kimi-cli#2141, mnfst/llm-gateway#992: an answer without ``reasoning_content`` is refused."""
    items = [user("a"), assistant("b"), user("c"), thought(), CALL, OUTPUT]
    fields = {"dialect": "deepseek", "reasoning_content": True}
    answers = [each for each in sent(PAIRED[0], items, provider=fields)["messages"] if each["role"] == "assistant"]
    assert [answer["reasoning_content"] for answer in answers] == ["", "Hm."]
    assert "reasoning_content" not in str(sent(PAIRED[0], items, provider={"dialect": "deepseek"}))


SYSTEMS = [told("system", "One."), told("developer", "Two."), user("x"), told("system", "Three."), user("y")]


@pytest.mark.parametrize("dialect", ["vllm", "llama.cpp", "lmstudio", None, "openai"])
def test_instructions_are_one_message_at_the_front_and_marked_later_where_a_template_refuses_more(
    dialect: str | None,
) -> None:
    """QwenLM: "System message must be at the beginning." of its chat template, on vLLM, llama.cpp and LM Studio."""
    sent_messages = sent(PAIRED[0], SYSTEMS, instructions="Zero.", provider={"dialect": dialect})["messages"]
    marked = "<system>\nThree.\n</system>"
    templated = dialect in {"vllm", "llama.cpp", "lmstudio"}
    first = [("system", "Zero."), ("system", "One."), ("developer", "Two.")]
    assert [(message["role"], message["content"]) for message in sent_messages] == [
        *(first if dialect == "openai" else [("system", "Zero.\n\nOne.\n\nTwo.")]),
        *([("user", f"x\n\n{marked}\n\ny")] if templated else [("user", "x"), ("system", "Three."), ("user", "y")]),
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_the_schema_of_a_function_says_that_it_is_an_object(protocol: Protocol) -> None:
    """Anthropic, Bedrock and OpenAI refuse one without ``type``; frameworks leave it out."""
    for parameters in ({}, {"properties": {"a": {"type": "string"}}}, {"anyOf": [{"required": ["a"]}]}):
        call = replace(model_call("Hi", tools=[function_tool("f", parameters)]), model=protocol.model)
        with Upstream([protocol.script([TextDelta("x"), StopDelta("stop")])]) as upstream:
            run(protocol.provider(upstream.base_url), call)
        tools = str(protocol.told(upstream.requests[0].body))
        assert "'type': 'object'" in tools
        assert not parameters or next(iter(parameters)) in tools


def test_the_schema_of_an_answer_is_completed_for_claude_unless_it_is_of_another_type() -> None:
    form = {"type": "json_schema", "name": "n", "description": None, "strict": None}
    for schema, whole in (
        ({"properties": {}}, {"properties": {}, "type": "object"}),
        ({"anyOf": [{"type": "object"}]}, {"anyOf": [{"type": "object"}]}),
        ({"type": "array"}, {"type": "array"}),
    ):
        text = {"format": {**form, "schema": schema}}
        body = sent(TURNED[0], [user("x")], "claude-opus-4-8", text=text)
        assert body["output_config"]["format"]["schema"] == whole
        body = sent(TURNED[1], [user("x")], "anthropic.claude-opus-4-8", text=text)
        written = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
        assert json.loads(written) == whole


@pytest.mark.parametrize("kind", ["openai_chat", "openai_responses"])
def test_stream_options_can_be_left_out(kind: str) -> None:
    protocol = next(each for each in PROTOCOLS if each.kind == kind)
    assert "stream_options" in sent(protocol, [user("x")])
    assert "stream_options" not in sent(protocol, [user("x")], provider={"stream_options": False})
    endpoint = ProviderEndpoint.model_validate({"kind": kind, "base_url": "http://x/v1", "stream_options": False})
    assert not endpoint.stream_options
