"""The rules of a stream, and what it is to break one. It must not know how they are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from antiphon.errors import AntiphonError

RULES: Final = {
    "shape": "An event has the fields of its type.",
    "type": "An event's type is one of the specification's, or begins with a vendor's name and a colon.",
    "sequence": "sequence_number counts 0, 1, 2 and so on, without gaps.",
    "opening": "A stream opens with created, perhaps queued, then in_progress; each comes once.",
    "one-ending": "A stream has exactly one terminal event, and no event follows it.",
    "response-id": "The response keeps its id.",
    "output-index": "output_index is dense, in the order of output_item.added.",
    "content-index": "content_index is dense, in the order of content_part.added.",
    "summary-index": "summary_index is dense, in the order of reasoning_summary_part.added.",
    "annotation-index": "annotation_index is dense, in the order of annotation.added.",
    "item-id": "An item keeps its id, its type and its phase.",
    "unique-id": "No two items share an id.",
    "interleave": "Items do not interleave: one is done before the next is added or the response ends.",
    "order": "Events inside an item come in the order of the grammar, each within what it belongs to.",
    "begins-empty": "Items and parts begin empty; their content comes as parts and deltas.",
    "text": "The deltas, joined, are what is done.",
    "part": "The part that is done holds what was done before.",
    "item": "The item that is done holds the parts, or the arguments, that were done.",
    "output": "The terminal response's output is the items that were done, in order.",
    "status": "A status fits its event: in_progress in added, completed or incomplete in done, its own in an ending; "
    "a cancelled response ends as incomplete.",
    "incomplete-last": "No item follows an incomplete one.",
    "incomplete-completed": "A completed response holds no incomplete item.",
    "error-first": "One error event precedes response.failed, directly, and nothing else.",
    "error-shapes": "The error event carries code, message and param twice: at its top and, with a type, in `error`.",
    "details": "A failed response has an error, an incomplete one incomplete_details.",
    "usage": "If a completed response has usage, it adds up.",
    "obfuscation": "Only delta events are padded.",
    "frame": "A frame is `event: TYPE`, `data: JSON` and an empty line, or a comment and an empty line.",
    "frame-event": "The frame's event name is the event's type.",
    "frame-json": "The frame's data is one JSON object in compact form.",
    "done": "A stream ends with exactly one `data: [DONE]`, and nothing follows it.",
    "headers": "The headers keep every hop from buffering, changing or compressing the stream.",
}
"""Every rule by its id, in one sentence. The last five are about bytes, the others about events."""


class Violation(AntiphonError):
    """A stream broke a rule.

    Attributes:
        rule: a key of ``RULES``.
        sequence_number: that of the last event before it; -1 if there was none.
        sentence: the rule, without any content of the stream.
    """

    def __init__(self, rule: str, sequence_number: int) -> None:
        self.rule = rule
        self.sequence_number = sequence_number
        self.sentence = RULES[rule]
        super().__init__(f"{rule}, event {sequence_number}: {self.sentence}")


Report = Callable[[Violation], None]
"""Takes each violation: ``refuse`` to stop at the first, the ``append`` of a list to collect them."""


def refuse(violation: Violation) -> None:
    """Raise the violation.

    Raises:
        Violation: always.
    """
    raise violation
