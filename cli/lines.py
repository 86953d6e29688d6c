"""Find the line of a value in a YAML or JSON text, and describe YAML's errors in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import yaml

_NULL: Final = "tag:yaml.org,2002:null"

_WORDS: Final = (
    (
        r"mapping values are not allowed",
        "this `:` cannot be here: check the indentation, or put text with `: ` in quotes",
    ),
    (r"found character '\\t'", "there is a tab: indent with spaces"),
    (r"found character (.+) that cannot start", r"a value cannot begin with \1: put it in quotes"),
    (r"could not find expected ':'", "there is a key without `: ` after it, or text that is not indented enough"),
    (r"expected <block end>", "the indentation does not match the lines above"),
    (r"expected ',' or '(.)'", r"a comma or the closing `\1` is missing"),
    (r"found unexpected end of stream", "a quotation mark is not closed"),
    (
        r"expected the node content",
        "a value is missing, or begins with a character that YAML reserves: put it in quotes",
    ),
    (r"expected alphabetic or numeric", "a value that begins with `*` or `&` must be in quotes"),
    (r"found undefined alias '?([^']*)'?", r"`*\1` is used, but there is no `&\1` before it"),
    (
        r"found unknown escape character '(.+)'",
        r"`\\\1` means nothing in double quotes: write `\\\\\1`, or use single quotes",
    ),
    (r"could not determine a constructor for the tag '(.+)'", r"the tag `\1` is not allowed"),
)
"""PyYAML's problems, each as a pattern and in plain words."""

_OPENED: Final = ("while scanning a quoted scalar", "while parsing a flow sequence", "while parsing a flow mapping")
"""Errors that are found at the end of the text and were made where something was opened."""


def explain(error: yaml.YAMLError, text: str) -> str:
    """Return what is wrong with a YAML text and in which line."""
    if isinstance(error, yaml.reader.ReaderError):
        return f"line {text.count(chr(10), 0, error.position) + 1}: unacceptable character #x{ord(_char(error)):04x}"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    opened = error.context_mark if error.context in _OPENED else None
    return f"line {(opened or error.problem_mark).line + 1}: {_plain(error.problem or 'not YAML')}"


def line_of(text: str, index: int, location: Sequence[int | str]) -> int | None:
    """Return the line of a field in one document of a text, or of the nearest thing around it that is there.

    Args:
        text: YAML or JSON.
        index: which document; each element of a list counts as one.
        location: keys and indexes, from the document down.
    """
    try:
        documents = list(_documents(text))
    except (yaml.YAMLError, RecursionError):
        return None
    node = documents[index]
    line = node.start_mark.line
    for part in location:
        found = _child(node, part)
        if found is not None:
            line, node = found
    return int(line) + 1


def _documents(text: str) -> Iterator[yaml.Node]:
    for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        elif node.tag != _NULL:
            yield node


def _child(node: yaml.Node, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def _plain(problem: str) -> str:
    for pattern, words in _WORDS:
        match = re.search(pattern, problem)
        if match:
            return match.expand(words)
    return problem


def _char(error: yaml.reader.ReaderError) -> str:
    return error.character if isinstance(error.character, str) else chr(error.character)
