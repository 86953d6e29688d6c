"""The conversations that every provider is given, so that requests can be compared: one for each thing to carry."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from antiphon.ports import ModelCall
from antiphon.records import Item
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, user

PIXEL = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4 tiny").decode()
NOTES = "data:text/plain;base64," + base64.b64encode("Grüße".encode()).decode()
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [
    function_tool("get_weather", WEATHER, description="Tells the weather.", strict=True),
    function_tool("get_time"),
]


def conversations(model: str, state: dict[str, str] | None) -> dict[str, ModelCall]:
    """Return the calls by name.

    Args:
        model: the model's name there.
        state: what the protocol gave with its reasoning; None where it gives nothing.
    """
    return {name: replace(call, model=model) for name, call in _calls(state).items()}


def _calls(state: dict[str, str] | None) -> dict[str, ModelCall]:
    question, answer = user("What is a canticle?"), assistant("A song of praise.")
    called = [
        user("Weather in Paris and Rome?"),
        assistant("Let me look."),
        function_call("call_1", "get_weather", '{"city":"Paris"}'),
        function_call("call_2", "get_weather", '{"city":"Rome"}'),
        function_call_output("call_1", "18 degrees"),
        function_call_output("call_2", [{"type": "input_text", "text": "21 degrees"}]),
    ]
    form = {"type": "json_schema", "name": "place", "schema": PLACE, "strict": True}
    return {
        "instructions": model_call("Hello", instructions="Be brief."),
        "turns": model_call([question, answer, user("And an antiphon?")], instructions="Be brief."),
        "branch": model_call([question, answer, user("Sing one.")], instructions="Be brief."),
        "instructed": model_call(
            [_told("system", "Speak plainly."), question, _told("developer", "In Latin."), answer, user("More.")],
            instructions="Be brief.",
        ),
        "phases": model_call(
            [question, {**called[1], "phase": "commentary"}, {**answer, "phase": "final_answer"}, user("More.")]
        ),
        "calls": model_call(called, tools=TOOLS),
        "calls-and-more": model_call([*called, user("Which is warmer?")], tools=TOOLS, parallel_tool_calls=False),
        "calls-without-tools": model_call(called),
        "choice-required": model_call("Weather?", tools=TOOLS, tool_choice="required"),
        "choice-named": model_call(
            "Weather?", tools=TOOLS[:1], tool_choice={"type": "function", "name": "get_weather"}
        ),
        "images-and-files": model_call([user(_attachments())]),
        "reasoning": model_call(_reasoned(state), tools=TOOLS, reasoning={"effort": "medium", "summary": "auto"}),
        "interleaved": model_call(_interleaved(state), tools=TOOLS, reasoning={"effort": "low"}),
        "compacted": model_call([_compaction(), user("Go on.")]),
        "refusal": model_call([user("Do harm."), _refusal(), user("Then help.")]),
        "schema": model_call("Where?", text={"format": form}),
        "limits": model_call(
            "Hi", max_output_tokens=100, safety_identifier="user-1", prompt_cache_key="key-1", service_tier="default"
        ),
    }


def _told(role: str, text: str) -> Item:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def _attachments() -> list[dict[str, Any]]:
    return [
        {"type": "input_text", "text": "Compare."},
        {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
        {"type": "input_file", "filename": "report.pdf", "file_data": PDF},
        {"type": "input_file", "filename": "notes.txt", "file_data": NOTES},
    ]


def _reasoned(state: dict[str, str] | None) -> list[Item]:
    thought: Item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Paris. I ask."}]}
    foreign = {"kind": "another", "signature": "not yours"}
    return [
        user("Weather in Paris?"),
        {**thought, "state": state} if state else thought,
        function_call("call_1", "get_weather", '{"city":"Paris"}'),
        function_call_output("call_1", "18 degrees"),
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Elsewhere."}], "state": foreign},
        assistant("18 degrees."),
        user("Sure?"),
    ]


def _interleaved(state: dict[str, str] | None) -> list[Item]:
    """Think, call, think on, call again; then another model of the same provider thought, which reads as nothing."""

    def thought(text: str, of: dict[str, str] | None) -> Item:
        summary = [{"type": "summary_text", "text": text}] if text else []
        return {"type": "reasoning", "summary": summary, **({"state": of} if of else {})}

    sealed = {name: value for name, value in (state or {}).items() if name != "signature"}
    hidden = {**sealed, "redacted": "c2VhbGVk"} if "signature" in (state or {}) else state
    return [
        user("Weather in Paris, then in Rome?"),
        thought("Paris first.", state),
        function_call("call_1", "get_weather", '{"city":"Paris"}'),
        function_call_output("call_1", "18 degrees"),
        thought("", hidden),
        thought("Now Rome.", state),
        function_call("call_2", "get_weather", '{"city":"Rome"}'),
        function_call_output("call_2", "21 degrees"),
        thought("Elsewhere.", {**state, "maker": "another model"} if state else None),
        assistant("18 and 21 degrees."),
        user("Sure?"),
    ]


def _compaction() -> Item:
    return {"type": "compaction", "summary": [{"type": "summary_text", "text": "We spoke of song."}]}


def _refusal() -> Item:
    return {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
