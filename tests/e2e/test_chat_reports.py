"""What people reported of other Chat Completions servers and gateways: here each gets what its reporter expected."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller import Caller, refused
from tests.support.chat import calls_of, complete, joined, post, stream
from tests.support.upstream import CUT, Script, Upstream, chunk, finish, text, tool_call, usage

TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
OUTPUT = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}


def user(content: Any = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": content}


def sent(upstream: Upstream) -> list[dict[str, Any]]:
    """Return the messages that the model got last."""
    messages: list[dict[str, Any]] = upstream.requests[-1].body["messages"]
    return messages


def reasons(chunks: list[dict[str, Any]]) -> list[str | None]:
    return [choice["finish_reason"] for each in chunks for choice in each["choices"]]


# histories


@pytest.mark.parametrize("content", [{"content": None}, {"content": ""}, {"content": []}, {}])
def test_a_message_of_calls_alone_may_have_no_content(
    service: Caller, key: str, upstream: Upstream, content: dict[str, Any]
) -> None:
    """Refused by others, while clients send each of these.

    https://github.com/mistralai/mistral-common/issues/324, https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/261,
    https://github.com/can1357/oh-my-pi/issues/5121, https://github.com/Kilo-Org/kilocode/issues/12330
    """
    complete(service, key, [user(), {"role": "assistant", **content, "tool_calls": [CALL]}, OUTPUT], tools=[TOOL])
    assert [message["role"] for message in sent(upstream)] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("content", [None, ""])
def test_an_empty_answer_in_a_history_is_passed_over(
    service: Caller, key: str, upstream: Upstream, content: str | None
) -> None:
    """https://github.com/tashfeenahmed/freellmapi/issues/165."""
    complete(service, key, [user("One"), {"role": "assistant", "content": content}, user("Two")])
    assert [message["content"] for message in sent(upstream)] == ["One", "Two"]


@pytest.mark.parametrize("content", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_the_role_developer_is_taken(service: Caller, key: str, upstream: Upstream, content: Any) -> None:
    """https://github.com/peonist-ai/halogen-flash-server/issues/32, https://github.com/8monkey-ai/hebo-gateway/issues/251."""
    complete(service, key, [{"role": "developer", "content": content}, user()])
    assert sent(upstream)[0]["content"] == "Be brief."


def test_an_empty_message_of_the_developer_is_no_error(service: Caller, key: str) -> None:
    """https://github.com/QuantumNous/new-api/issues/5330."""
    complete(service, key, [{"role": "developer", "content": ""}, user()])


def test_every_part_of_text_reaches_the_model_in_order(service: Caller, key: str, upstream: Upstream) -> None:
    """Others kept only the last. https://github.com/Blaizzy/mlx-vlm/pull/1137."""
    complete(service, key, [user([{"type": "text", "text": "One. "}, {"type": "text", "text": "Two."}])])
    content = str(sent(upstream)[0]["content"])
    assert 0 <= content.find("One. ") < content.find("Two.")


def test_parts_of_an_answer_are_not_lost(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/CommandCodeAI/command-code/issues/820."""
    complete(
        service, key, [user(), {"role": "assistant", "content": [{"type": "text", "text": "Kept"}]}, user("Go on")]
    )
    assert "Kept" in str(sent(upstream)[1]["content"])


def test_a_refusal_may_be_a_part(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/8monkey-ai/hebo-gateway/issues/35."""
    part = {"type": "refusal", "refusal": "I cannot."}
    complete(service, key, [user(), {"role": "assistant", "content": [part]}, user("Why?")])
    assert "I cannot." in str(sent(upstream)[1])


def test_reasoning_in_a_history_is_no_error(service: Caller, key: str) -> None:
    """https://github.com/CherryHQ/cherry-studio/issues/16790."""
    answer = {"role": "assistant", "content": "Hello", "reasoning_content": "They greet."}
    complete(service, key, [user(), answer, user("Again")])


def test_an_output_may_be_parts(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/MoonshotAI/kimi-cli/pull/1771."""
    parts = [{"type": "text", "text": "Remember this."}, {"type": "text", "text": "noon"}]
    history = [user(), {"role": "assistant", "content": None, "tool_calls": [CALL]}, {**OUTPUT, "content": parts}]
    complete(service, key, history, tools=[TOOL])
    assert "noon" in str(sent(upstream)[2]["content"])


def test_a_part_that_no_model_reads_is_refused_by_name(service: Caller, key: str, upstream: Upstream) -> None:
    """Others dropped it and answered 200. https://github.com/leonickson1/Swiftlet/pull/38."""
    video = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
    answer = post(service, key, messages=[user([{"type": "text", "text": "What is this?"}, video])])
    refused(answer, 400, "unsupported_value", "messages[0].content[1].type")
    assert not upstream.requests


# limits


def test_the_newer_name_of_the_limit_is_honoured(service: Caller, key: str, upstream: Upstream) -> None:
    """Others ignored it, and answers had no end.

    https://github.com/abetlen/llama-cpp-python/issues/1907, https://github.com/ikawrakow/ik_llama.cpp/pull/2321
    """
    complete(service, key, max_completion_tokens=77)
    assert 77 in upstream.requests[0].body.values()


def test_both_names_of_the_limit_may_be_sent_with_one_value(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/HKUDS/nanobot/pull/2468."""
    complete(service, key, max_tokens=77, max_completion_tokens=77)
    assert 77 in upstream.requests[0].body.values()


def test_a_health_check_may_ask_for_one_token(service: Caller, key: str) -> None:
    """https://github.com/BerriAI/litellm/issues/9584, https://github.com/testomatio/explorbot/pull/96."""
    complete(service, key, max_tokens=1)


# streams


def test_a_stream_opens_with_the_role_and_empty_content_and_never_repeats_it(service: Caller, key: str) -> None:
    """https://github.com/maximhq/bifrost/issues/6523, https://github.com/tensorzero/tensorzero/issues/1265,
    https://github.com/ROCm/ATOM/pull/1803, https://github.com/MiniMax-AI/MiniMax-M2.5/issues/2
    """
    first, *others = (choice["delta"] for each in stream(service, key) for choice in each["choices"])
    assert first == {"role": "assistant", "content": ""}
    assert not any("role" in delta for delta in others)


def test_every_chunk_has_a_reason_which_is_null_until_the_last(service: Caller, key: str) -> None:
    """https://github.com/vllm-project/vllm/issues/19650, https://github.com/ModelTC/LightLLM/issues/130."""
    assert reasons(stream(service, key)) == [None, None, None, None, "stop"]


def test_usage_is_null_in_every_chunk_but_the_last_which_has_no_choice(service: Caller, key: str) -> None:
    """https://github.com/huggingface/text-generation-inference/pull/3003."""
    *others, last = stream(service, key, stream_options={"include_usage": True})
    assert all(each["usage"] is None and each["choices"] for each in others)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0


def test_calls_end_with_the_same_reason_in_a_stream_as_in_json(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/googleapis/python-genai/issues/2868; the upstream is wrong in that way, too."""
    upstream.scripts = [Script.stream(tool_call(0, "call_1", "now", "{}"), finish("stop"), usage(1, 1))]
    assert complete(service, key, tools=[TOOL])["choices"][0]["finish_reason"] == "tool_calls"
    assert reasons(stream(service, key, tools=[TOOL]))[-1] == "tool_calls"


def test_calls_are_counted_from_zero_whatever_came_before_and_a_cut_one_is_told(
    service: Caller, key: str, upstream: Upstream
) -> None:
    """https://github.com/router-for-me/CLIProxyAPI/issues/5851."""
    upstream.scripts = [
        Script.stream(text("Wait."), tool_call(1, "call_1", "now", '{"path":"/a'), finish("length"), usage(1, 1))
    ]
    chunks = stream(service, key, tools=[TOOL])
    [call] = calls_of(chunks)
    assert call["index"] == 0
    assert reasons(chunks)[-1] == "length"


def test_a_calls_id_and_name_are_sent_once(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/649; the upstream repeats them here."""
    upstream.scripts = [
        Script.stream(tool_call(0, "call_1", "now", "{"), tool_call(0, "call_1", "now", "}"), finish("tool_calls"))
    ]
    pieces = [
        piece
        for each in stream(service, key, tools=[TOOL])
        for choice in each["choices"]
        for piece in choice["delta"].get("tool_calls", ())
    ]
    assert [piece.get("id") for piece in pieces] == ["call_1"] + [None] * (len(pieces) - 1)
    assert [piece["function"].get("name") for piece in pieces] == ["now"] + [None] * (len(pieces) - 1)
    assert "".join(piece["function"]["arguments"] for piece in pieces) == "{}"


@pytest.mark.parametrize("arguments", ["", " "])
def test_a_call_without_arguments_has_an_empty_object(
    service: Caller, key: str, upstream: Upstream, arguments: str
) -> None:
    """https://github.com/vercel/ai/issues/6687, https://github.com/QwenLM/qwen-code/issues/6249,
    https://github.com/sigoden/aichat/pull/1217, https://github.com/openai/openai-python/pull/3502
    """
    upstream.scripts = [Script.stream(tool_call(0, "call_1", "now", arguments), finish("tool_calls"), usage(1, 1))]
    whole = complete(service, key, tools=[TOOL])["choices"][0]["message"]["tool_calls"]
    streamed = calls_of(stream(service, key, tools=[TOOL]))
    assert [call["function"]["arguments"].strip() for call in (*whole, *streamed)] == ["{}", "{}"]


def test_no_part_of_a_stop_sequence_leaves(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/huggingface/text-generation-inference/issues/1254,
    https://github.com/mzau/mlx-knife/issues/68, https://github.com/SharpAI/SwiftLM/issues/126
    """
    upstream.scripts = [Script.stream(*map(text, ("Hi", "\n", "User", ":", " more")), finish(), usage(1, 1))]
    assert joined(stream(service, key, stop=["\nUser:"])) == "Hi"


def test_a_failure_in_a_stream_keeps_its_code(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/vercel/ai/issues/13506, https://github.com/huggingface/huggingface_hub/issues/2514."""
    upstream.scripts = [Script([*Script.stream(text("Hel"), done=False).steps, CUT])]
    error = stream(service, key)[-1]["error"]
    assert (error["code"], error["type"]) == ("model_error", "model_error")
    assert error["message"]


def test_a_stream_that_fails_never_says_that_it_has_stopped(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/earendil-works/pi/pull/4558: a missing reason is how a client sees that an answer is cut."""
    upstream.scripts = [Script([*Script.stream(chunk({"content": "Hel"}), done=False).steps, CUT])]
    *chunks, _ = stream(service, key)
    assert set(reasons(chunks)) == {None}
