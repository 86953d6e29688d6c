"""Images and files in the output of a function, for models that read them only in a user's message.

Chat Completions has text alone in a ``tool`` message. There the image follows in a message of the user, after the
outputs of all parallel calls, and the output refers to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from antiphon.media import medium_of
from antiphon.ports import ModelCall, Reads
from antiphon.records import Item

Part = dict[str, Any]

_FOLLOWS: Final = "[{what}: see the next message]"
_OUTPUT_OF: Final = "[Output of the function {name}]"


def outputs_in_messages(call: ModelCall, reads: Reads) -> ModelCall:
    """Return a call as a model can read it: what it does not read in outputs is moved into user messages."""
    if not any(_moves(part, reads) for item in call.items for part in _output_parts(item)):
        return call
    asked, first = call.asked, len(call.items) - call.asked
    written: list[Item] = []
    names: dict[str, str] = {}
    waiting: set[str] = set()
    following: list[Part] = []
    for index, item in enumerate(call.items):
        if item["type"] == "function_call":
            names[item["call_id"]] = item["name"]
            waiting.add(item["call_id"])
        moved = [part for part in _output_parts(item) if _moves(part, reads)]
        written.append({**item, "output": [_kept(part, reads) for part in item["output"]]} if moved else item)
        if moved:
            following += [_text(_OUTPUT_OF.format(name=names.get(item["call_id"], ""))), *moved]
        if item["type"] == "function_call_output":
            waiting.discard(item["call_id"])
        if following and not waiting:
            written.append({"type": "message", "role": "user", "content": following})
            following = []
            asked += index >= first
    return replace(call, items=written, asked=asked)


def _output_parts(item: Item) -> list[Part]:
    output = item["output"] if item["type"] == "function_call_output" else ()
    return output if isinstance(output, list) else []


def _moves(part: Part, reads: Reads) -> bool:
    medium = medium_of(part)
    return medium is not None and medium not in reads.output and medium in reads.message


def _kept(part: Part, reads: Reads) -> Part:
    if not _moves(part, reads):
        return part
    return _text(_FOLLOWS.format(what="Image" if part["type"] == "input_image" else "File"))


def _text(text: str) -> Part:
    return {"type": "input_text", "text": text}
