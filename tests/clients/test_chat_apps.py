"""Requests as chat applications and editors send them, written after their sources, against the demo model.

None of them is configured beyond base URL, key and model.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chat import calls_of, chunks_of, joined, post
from tests.support.service import Service

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
WEATHER = {
    "name": "get_weather",
    "description": "Tell the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TOOL = {"type": "function", "function": WEATHER}
HELLO = {"role": "user", "content": "Hello!"}


def streamed(service: Service, key: str, headers: dict[str, str] | None = None, **body: Any) -> list[dict[str, Any]]:
    answer = post(service, key, headers, **body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream"
    return chunks_of(answer.content)


def whole(service: Service, key: str, **body: Any) -> dict[str, Any]:
    answer = post(service, key, **body)
    assert answer.status_code == 200, answer.text
    message: dict[str, Any] = answer.json()["choices"][0]["message"]
    return message


def test_open_webui_chats_with_an_image_and_reads_the_usage(service: Service, key: str) -> None:
    """``backend/open_webui/routers/openai.py``, ``generate_chat_completion``: usage is always asked for in a stream."""
    chunks = streamed(
        service,
        key,
        {"X-OpenWebUI-User-Name": "Ada", "X-OpenWebUI-User-Id": "1", "X-OpenWebUI-User-Role": "admin"},
        stream=True,
        messages=[
            {"role": "system", "content": "You are helpful."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]},
        ],
        stream_options={"include_usage": True},
        temperature=0.8,
        seed=42,
        stop=["<|end|>"],
        logit_bias={},
    )
    assert "image" in joined(chunks)
    assert chunks[-1]["usage"]["total_tokens"] > 0


def test_open_webui_asks_for_a_title(service: Service, key: str) -> None:
    """``backend/open_webui/routers/tasks.py``, ``generate_title``: not streamed, with a limit of its own."""
    message = whole(
        service,
        key,
        messages=[{"role": "user", "content": "### Task: Write a title for <chat_history>Hello!</chat_history>"}],
        stream=False,
        max_completion_tokens=1000,
    )
    assert message["content"]


def test_open_webui_calls_a_tool_by_itself_and_sends_its_output(service: Service, key: str) -> None:
    """``backend/open_webui/utils/middleware.py``: a call goes back with its ``index``, then its output."""
    said = [{"role": "user", "content": "What is the weather in Paris?"}]
    options = {"stream": True, "tools": [TOOL], "stream_options": {"include_usage": True}}
    [call] = calls_of(streamed(service, key, messages=said, **options))
    history = [
        *said,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "17 degrees and sunny"},
    ]
    assert "17 degrees and sunny" in joined(streamed(service, key, messages=history, **options))


def test_open_webui_puts_a_cache_mark_on_the_last_message(service: Service, key: str) -> None:
    """``backend/open_webui/utils/payload.py``: the last part has ``cache_control``; the effort is an object."""
    part = {"type": "text", "text": "Hello!", "cache_control": {"type": "ephemeral"}}
    chunks = streamed(
        service, key, stream=True, messages=[{"role": "user", "content": [part]}], reasoning={"effort": "low"}
    )
    assert "Hello!" in joined(chunks)


def test_librechat_chats_through_a_custom_endpoint(service: Service, key: str) -> None:
    """https://www.librechat.ai/docs/configuration/librechat_yaml/object_structure/default_params

    ``packages/api/src/endpoints/openai/llm.ts``: every parameter is sent, and the user's id.
    """
    chunks = streamed(
        service,
        key,
        {"user-agent": "LibreChat"},
        temperature=1,
        top_p=1,
        presence_penalty=0,
        frequency_penalty=0,
        user="65f0a1b2c3d4e5f6a7b8c9d0",
        stream=True,
        stream_options={"include_usage": True},
        messages=[HELLO],
    )
    assert "Hello!" in joined(chunks)
    assert chunks[-1]["usage"]


def test_librechat_names_a_conversation(service: Service, key: str) -> None:
    """``titleMethod: completion`` of ``librechat.yaml``: not streamed, by LangChain for JavaScript."""
    message = whole(service, key, temperature=0.2, max_tokens=75, n=1, stream=False, user="u", messages=[HELLO])
    assert message["content"]


def test_librechats_agents_send_calls_and_outputs_back(service: Service, key: str) -> None:
    """https://github.com/danny-avila/agents ``src/llm/openai/utils/index.ts``: a message of calls has empty content."""
    history = [
        {"role": "system", "content": "You are an agent.", "name": None},
        {"role": "user", "content": [{"type": "text", "text": "What is the weather in Paris?"}]},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "The tool knows.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "name": "get_weather", "content": "17 degrees and sunny"},
    ]
    chunks = streamed(
        service,
        key,
        stream=True,
        stream_options={"include_usage": True},
        messages=history,
        tools=[TOOL],
        tool_choice="auto",
        parallel_tool_calls=True,
        include_reasoning=True,
    )
    assert "17 degrees and sunny" in joined(chunks)


def test_continue_sends_a_prediction_and_many_stops(service: Service, key: str) -> None:
    """https://github.com/continuedev/continue ``core/llm/openaiTypeConverters.ts``, ``toChatBody``."""
    chunks = streamed(
        service,
        key,
        messages=[HELLO],
        max_tokens=4096,
        temperature=0.01,
        stream=True,
        stream_options={"include_usage": True},
        stop=["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "/src/"],
        prediction={"type": "content", "content": "Hello!"},
    )
    assert joined(chunks)


def test_zed_sends_an_empty_list_of_parts_and_an_image_as_an_output(service: Service, key: str) -> None:
    """https://github.com/zed-industries/zed ``crates/open_ai/src/open_ai.rs``, ``Request`` and ``MessageContent``."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    chunks = streamed(
        service,
        key,
        messages=[
            {"role": "user", "content": "What is the weather?"},
            {"role": "assistant", "content": [], "tool_calls": [call]},
            {"role": "tool", "content": [{"type": "text", "text": "17 degrees"}, IMAGE], "tool_call_id": "call_1"},
        ],
        stream=True,
        stream_options={"include_usage": True},
        max_completion_tokens=32000,
        temperature=1.0,
        tool_choice="auto",
        parallel_tool_calls=False,
        tools=[TOOL],
        prompt_cache_key="thread",
    )
    assert "17 degrees" in joined(chunks)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/agent"])
def test_applications_find_the_agents_by_the_list_of_models(service: Service, key: str, path: str) -> None:
    """Open WebUI verifies a connection, and LibreChat's ``fetch: true`` fills its menu, with ``GET /models``."""
    answer = service.get(path, key)
    assert answer.status_code == 200
    found = answer.json().get("data", [answer.json()])
    assert ("agent", "model") in [(model["id"], model["object"]) for model in found]
