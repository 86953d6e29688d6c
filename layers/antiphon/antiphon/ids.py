"""Identifiers: how they are made, and which strings can be one at all.

A leaf. Randomness comes in as an argument (``Entropy``), so that every run can be replayed. A response id carries its
place, so that a store finds a turn, and all turns before it, without a look-up:

    resp_ + conversation segment (22 base62 characters, 130 bits) + depth (3 base62 digits) + mark (6 characters)

The mark is random. It distinguishes a turn from one that took the same place after the first was deleted or expired: a
store that finds a turn at the place must compare the whole id. An item id carries its response and its index, so the
same deltas always make the same bytes, and an item can be found from its id alone.

    conv_ + conversation segment

A conversation is a segment of its own, whose turns stand at the depths from ``CONVERSATION_DEPTH`` on. So an id alone
shows whether a turn belongs to a conversation, and to which.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SEGMENT_LENGTH: Final = 22
DEPTH_LENGTH: Final = 3
MARK_LENGTH: Final = 6
MAX_DEPTH: Final = 62**DEPTH_LENGTH - 1
CONVERSATION_DEPTH: Final = 100_000
"""The depth of a conversation's first turn. No chain of responses is that long (``max_chain_turns``)."""

Entropy = Callable[[int], bytes]
"""A function that returns as many random bytes as asked for, such as ``secrets.token_bytes``."""

_CODE: Final = rf"[0-9A-Za-z]{{{SEGMENT_LENGTH + DEPTH_LENGTH + MARK_LENGTH}}}"
_RESPONSE_ID: Final = re.compile(rf"resp_({_CODE})")
_CONVERSATION_ID: Final = re.compile(rf"conv_([0-9A-Za-z]{{{SEGMENT_LENGTH}}})")
_PREFIXES: Final = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
    "compaction": "cmp",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "local_shell_call": "lsh",
    "local_shell_call_output": "lsho",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
    "additional_tools": "at",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "agent_message": "amsg",
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "image_generation_call": "ig",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "mcp_approval_request": "mcpr",
    "mcp_approval_response": "mcprs",
}
"""How the ids of the items of a type begin."""

_ITEM_ID: Final = re.compile(rf"(?:{'|'.join(_PREFIXES.values())})_({_CODE})([io])([0-9A-Za-z]{{3}})")


class Place(NamedTuple):
    """Where a turn stands: its segment of the conversation, and how many turns that segment's lineage has before it."""

    segment: str
    depth: int

    @property
    def in_conversation(self) -> bool:
        """Whether the turn was added to a conversation, and not to a chain of responses."""
        return self.depth >= CONVERSATION_DEPTH

    @property
    def turns(self) -> int:
        """How many turns are before it, at most."""
        return self.depth - CONVERSATION_DEPTH if self.in_conversation else self.depth


def base62(number: int, length: int) -> str:
    """Write a number in base 62, padded with zeros to a length."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def from_base62(text: str) -> int:
    """Read a number that ``base62`` wrote."""
    number = 0
    for character in text:
        number = number * 62 + ALPHABET.index(character)
    return number


def random_base62(entropy: Entropy, length: int) -> str:
    """Draw that many random base62 characters, with a bias below 2**-64."""
    return base62(int.from_bytes(entropy((length * 6 + 7) // 8 + 8), "big"), length)


def checksum(text: str) -> str:
    """Return the CRC-32 of a text as six base62 characters."""
    return base62(zlib.crc32(text.encode()), 6)


def response_id(place: Place, entropy: Entropy) -> str:
    """Draw an id for a response at a place."""
    return f"resp_{place.segment}{base62(place.depth, DEPTH_LENGTH)}{random_base62(entropy, MARK_LENGTH)}"


def parse_response_id(text: str) -> Place | None:
    """Read the place out of a response id; None for any string that cannot be one."""
    match = _RESPONSE_ID.fullmatch(text)
    if match is None:
        return None
    code = match[1]
    return Place(code[:SEGMENT_LENGTH], from_base62(code[SEGMENT_LENGTH:-MARK_LENGTH]))


def place_of(text: str) -> Place:
    """Read the place out of a response id.

    Raises:
        ValueError: it is not a response id.
    """
    place = parse_response_id(text)
    if place is None:
        raise ValueError("not a response id")
    return place


def first_response_id(entropy: Entropy) -> str:
    """Draw the id of a conversation's first turn."""
    return response_id(Place(random_base62(entropy, SEGMENT_LENGTH), 0), entropy)


def next_response_id(previous: str, entropy: Entropy) -> str:
    """Draw the id of the response that continues another where it ends: same segment, one deeper.

    A response that continues one of a conversation is not added to the conversation: it begins a segment.

    Raises:
        ValueError: the previous id is not a response id.
    """
    place = place_of(previous)
    if place.in_conversation:
        return branch_response_id(previous, entropy)
    return response_id(Place(place.segment, place.depth + 1), entropy)


def branch_response_id(previous: str, entropy: Entropy) -> str:
    """Draw the id of a turn that continues a response which was continued before: new segment, one deeper.

    Raises:
        ValueError: the previous id is not a response id.
    """
    place = place_of(previous)
    return response_id(Place(random_base62(entropy, SEGMENT_LENGTH), place.turns + 1), entropy)


def added_id(segment: str, number: int, entropy: Entropy) -> str:
    """Draw the id of the turn that is added to a conversation after that many."""
    return response_id(Place(segment, CONVERSATION_DEPTH + number), entropy)


def deleted_id(text: str) -> str:
    """Return the id that a place of a conversation has once its turn was deleted; no caller is shown it.

    Args:
        text: the id of the deleted turn.
    """
    return text[:-MARK_LENGTH] + "0" * MARK_LENGTH


def conversation_id(entropy: Entropy) -> str:
    """Draw the id of a conversation."""
    return f"conv_{random_base62(entropy, SEGMENT_LENGTH)}"


def parse_conversation_id(text: str) -> str | None:
    """Read the segment out of a conversation id; None for any string that cannot be one."""
    match = _CONVERSATION_ID.fullmatch(text)
    return match[1] if match else None


def item_id(response: str, kind: str, side: str, index: int) -> str:
    """Derive an item's id from its response.

    Args:
        response: the response's id.
        kind: the item's type, such as ``message``.
        side: ``i`` for an input item, ``o`` for an output item.
        index: its place on that side, 0 to 238,327.
    """
    return f"{_PREFIXES[kind]}_{response[5:]}{side}{base62(index, 3)}"


def parse_item_id(text: str) -> tuple[str, str, int] | None:
    """Read an item id as (response id, side, index); None for any string that cannot be one of ours."""
    match = _ITEM_ID.fullmatch(text)
    return (f"resp_{match[1]}", match[2], from_base62(match[3])) if match else None


def moved_item_id(text: str, old: str, new: str) -> str:
    """Return the id that an item gets if its response ``old`` gets the id ``new``; the id of another item as it is."""
    found = parse_item_id(text)
    return text.replace(old[5:], new[5:], 1) if found is not None and found[0] == old else text


def request_id(entropy: Entropy) -> str:
    """Draw the id of one HTTP request."""
    return "req_" + random_base62(entropy, 22)
