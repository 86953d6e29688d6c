"""The HTTP cases of the Open Responses project's own compliance suite, told anew.

The suite sends each of these requests to a server and holds the answer to the official schema. So do ``service.create``
and ``service.stream``, which hold a stream to our grammar too. Source of the cases: ``src/lib/compliance-tests.ts`` of
github.com/openresponses/openresponses; the words and the code are ours.
"""

from __future__ import annotations

from typing import Any

import pytest

from cli.probes import PIXELS
from tests.conformance.conftest import message
from tests.support.caller import refused
from tests.support.schema import check
from tests.support.service import Service

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells how the weather is at a place.",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
LOOK = [
    {"type": "input_text", "text": "Say in a sentence what this shows."},
    {"type": "input_image", "image_url": PIXELS},
]

CASES: dict[str, dict[str, Any]] = {
    "basic response": {"input": [message("user", "Greet me in three words.")]},
    "streaming response": {"input": [message("user", "Count to five.")]},
    "system prompt": {"input": [message("system", "You talk like a pirate."), message("user", "Greet me.")]},
    "tool calling": {"input": [message("user", "How is the weather in Lisbon?")], "tools": [WEATHER]},
    "image input": {"input": [message("user", LOOK)]},
    "multi-turn conversation": {
        "input": [
            message("user", "I am called Alice."),
            message("assistant", "Hello Alice, how can I help?"),
            message("user", "What am I called?"),
        ]
    },
    "assistant phase": {
        "input": [
            message("user", "How much is two and two?"),
            {**message("assistant", "I add them."), "phase": "commentary"},
            {**message("assistant", "Four."), "phase": "final_answer"},
            message("user", "Say it again."),
        ]
    },
}


def expected(name: str) -> str:
    return "function_call" if name == "tool calling" else "message"


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_answered_in_one_body(service: Service, key: str, name: str) -> None:
    response = service.create(key, **CASES[name])
    assert response["status"] == "completed"
    assert expected(name) in [item["type"] for item in response["output"]]


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_answered_as_a_stream(service: Service, key: str, name: str) -> None:
    events = service.stream(key, **CASES[name])
    assert events[-1]["type"] == "response.completed"
    assert expected(name) in [item["type"] for item in events[-1]["response"]["output"]]


def test_a_streamed_call_shows_the_item_its_arguments_and_its_end(service: Service, key: str) -> None:
    events = service.stream(key, **CASES["tool calling"])
    of_call = [event for event in events if event.get("item", {}).get("type") == "function_call"]
    assert [event["type"] for event in of_call] == ["response.output_item.added", "response.output_item.done"]
    pieces = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    (done,) = [event for event in events if event["type"] == "response.function_call_arguments.done"]
    assert "".join(pieces) == done["arguments"] == of_call[-1]["item"]["arguments"]


def test_a_file_that_names_an_upload_is_refused_by_its_path(service: Service, key: str) -> None:
    part = {"type": "input_file", "file_id": "file-abc123"}
    answer = service.post(key, model="agent", input=[message("user", [part])])
    refused(answer, 400, "unsupported_parameter", "input[0].content[0].file_id")


AGREED = [message("user", "We meet on Monday."), message("assistant", "Noted: Monday.")]


def compact(service: Service, key: str, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {key}"}
    return service.client.post("/v1/responses/compact", json=body, headers=headers)


def test_a_conversation_is_compacted_to_one_item(service: Service, key: str) -> None:
    answer = compact(service, key, model="agent", input=AGREED, prompt_cache_key="conformance")
    assert answer.status_code == 200
    check("CompactResource", answer.json())
    assert "compaction" in [item["type"] for item in answer.json()["output"]]


def test_compacting_without_a_model_is_refused(service: Service, key: str) -> None:
    refused(compact(service, key, input=AGREED), 400, "missing_required_parameter", "model")


def test_an_image_with_an_empty_url_is_refused_by_its_path(service: Service, key: str) -> None:
    part = {"type": "input_image", "image_url": ""}
    answer = service.post(key, model="agent", input=[message("user", [part])])
    refused(answer, 400, "url_not_allowed", "input[0].content[0].image_url")
