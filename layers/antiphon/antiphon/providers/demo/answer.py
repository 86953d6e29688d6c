"""Decides what the demo model answers.

Pure: the same call always gets the same answer. The rules, first match wins: a user's message with functions on offer
is answered with a call; a function's output is quoted; a format is obeyed; a question about an earlier fact is
answered with it; anything else is quoted back, with what is seen of images, files, earlier turns and instructions.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from antiphon.ports import ModelCall
from antiphon.providers.demo.memory import LATEST, LONGEST, recall
from antiphon.providers.demo.schema import MOST_VALUES, value_for
from antiphon.providers.demo.sight import describe
from antiphon.providers.demo.tokens import attachments_of, texts_of
from antiphon.providers.demo.words import Words
from antiphon.records import Item

INTRODUCTION: Final = "I am Antiphon's demo model: I work offline, and show that your words arrive."
_QUOTE: Final = 200
_EARLIER: Final = 3
_OUTPUTS: Final = 128
"""The most outputs that are quoted, as many as functions can be called in one turn."""

_THOUGHTS: Final = (
    "I read the last message, look for a function to call, a format to obey or a fact to recall, and answer."
)


@dataclass(frozen=True, slots=True)
class DemoCall:
    """A function call; ``arguments`` is JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """An answer: text or calls, never both."""

    reasoning: str
    text: str
    calls: tuple[DemoCall, ...]


def answer(call: ModelCall) -> DemoAnswer:
    """Answer a call."""
    effort = (call.settings.get("reasoning") or {}).get("effort") if "reasoning" in call.explicit else None
    reasoning = _THOUGHTS if effort not in (None, "none") else ""
    chosen = _chosen(call)
    if chosen:
        words = Words([_text(call.items[-1])])
        most = MOST_VALUES // len(chosen)
        calls = (_call(tool, words, len(call.items), slot, most) for slot, tool in enumerate(chosen))
        return DemoAnswer(reasoning, "", tuple(calls))
    return DemoAnswer(reasoning, _formatted(call), ())


def _chosen(call: ModelCall) -> list[dict[str, Any]]:
    """Choose the functions to call: the named one; or those the user mentions; or the one that shares most words.

    Words of its name count more than those of its description.
    """
    choice = call.settings.get("tool_choice") or "auto"
    mode = choice if isinstance(choice, str) else choice.get("mode") or "auto"
    if not call.tools or mode == "none" or not call.items or call.items[-1].get("role") != "user":
        return []
    if isinstance(choice, dict) and choice["type"] == "function":
        return [tool for tool in call.tools if tool["name"] == choice["name"]][:1]
    text = _text(call.items[-1])[:LONGEST].lower()
    said = _long_words(text)
    mentioned = _mentioned(text, call.tools) or [max(call.tools, key=lambda tool: _shared(said, tool))]
    return mentioned if call.settings.get("parallel_tool_calls") is not False else mentioned[:1]


def _mentioned(text: str, tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    places = {tool["name"]: _place(tool["name"].lower(), text) for tool in tools}
    return sorted((tool for tool in tools if places[tool["name"]] >= 0), key=lambda tool: places[tool["name"]])


def _place(name: str, text: str) -> int:
    """Return where a text first has a function's name, also with spaces in it, or -1."""
    forms = [form for form in {name, re.sub(r"[_-]+", " ", name)} if form in text]  # far cheaper than a pattern
    found = [re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text) for form in forms]
    return min((match.start() for match in found if match), default=-1)


def _shared(said: set[str], tool: dict[str, Any]) -> tuple[int, int]:
    """Return how many words stand in a function's name, and how many in its description."""
    name, description = tool["name"].lower().replace("_", " "), (tool.get("description") or "")[:LONGEST].lower()
    return len(said & _long_words(name)), len(said & _long_words(description))


def _long_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text))


def _call(tool: dict[str, Any], words: Words, turn: int, slot: int, most: int) -> DemoCall:
    parameters = tool.get("parameters")
    value = value_for({"type": "object", **parameters}, words, most=most) if parameters else {}
    arguments = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(f"{turn} {slot} {tool['name']} {arguments}".encode()).hexdigest()
    return DemoCall(f"call_{digest[:24]}", tool["name"], arguments)


def _formatted(call: ModelCall) -> str:
    form = (call.settings.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        told = [text for item in call.items[-LATEST:] if _is_told(item) for text in _texts(item)]
        return json.dumps(value_for(form.get("schema"), Words(told)), ensure_ascii=False)
    text = _outputs(call.items) or _reply(call)
    return json.dumps({"answer": text}, ensure_ascii=False) if form.get("type") == "json_object" else text


def _outputs(items: Sequence[Item]) -> str:
    """Quote the outputs at the end of the context, by the names of their functions."""
    names = {item["call_id"]: item["name"] for item in items if item.get("type") == "function_call"}
    outputs: list[str] = []
    for item in reversed(items):
        if item.get("type") != "function_call_output":
            break
        seen = [*texts_of(item["output"]), describe(attachments_of(item["output"]))]
        name = names.get(item["call_id"], "the function")
        outputs.append(f"{name} says: {' '.join(part[:LONGEST] for part in seen if part)}")
    return "\n".join(reversed(outputs[:_OUTPUTS]))


def _reply(call: ModelCall) -> str:
    turns = [item for item in call.items if item.get("role") == "user"]
    texts = [_text(item) for item in turns]
    recalled = recall(texts)
    if recalled:
        return recalled
    seen = describe(attachments_of(turns[-1].get("content"))) if turns else ""
    earlier = [f"“{_short(text)}”" for text in texts[:-1][-_EARLIER:] if text]
    parts = [
        INTRODUCTION,
        f"You said: “{_short(texts[-1])}”." if texts and texts[-1] else "",
        seen,
        f"Earlier you said: {', '.join(earlier)}." if earlier else "",
        _kept(call.items),
        _instructions(call),
    ]
    return " ".join(part for part in parts if part)


def _kept(items: Sequence[Item]) -> str:
    """Quote what a compaction and earlier reasoning say, the last of each."""
    kept = {
        item["type"]: " ".join(texts_of(item["summary"]))
        for item in items
        if item.get("type") in ("compaction", "reasoning")
    }
    words = {"compaction": "I kept of earlier", "reasoning": "I thought before"}
    return " ".join(f"{words[kind]}: “{_short(text)}”." for kind, text in kept.items() if text)


def _instructions(call: ModelCall) -> str:
    given = [call.instructions, *(_text(item) for item in call.items if item.get("role") in ("system", "developer"))]
    told = _short(" ".join(text for text in given if text))
    return f"My instructions begin: “{told}”." if told else ""


def _is_told(item: Item) -> bool:
    return item.get("role") == "user" or item.get("type") == "function_call_output"


def _texts(item: Item) -> list[str]:
    return texts_of(item.get("content")) + texts_of(item.get("output"))


def _text(item: Item) -> str:
    return " ".join(_texts(item))


def _short(text: str) -> str:
    line = " ".join(text[:LONGEST].split())
    return line if len(line) <= _QUOTE else line[: _QUOTE - 1] + "…"
