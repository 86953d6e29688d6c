"""Names of fields in errors: from the Responses request that was made of a chat request back to the chat request.

input[2].content[0].image_url -> messages[1].content[0].image_url.url
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from antiphon.errors import ApiError

_INPUT: Final = re.compile(r"input\[(\d+)\](.*)")
_WITHIN: Final = (
    (re.compile(r"^\.output\b"), ".content"),
    (re.compile(r"\.image_url$"), ".image_url.url"),
    (re.compile(r"\.(file_data|filename)$"), r".file.\1"),
    (re.compile(r"\.file_url$"), ".file.file_data"),
    (re.compile(r"\.detail$"), ".image_url.detail"),
)
_OF_CALLS: Final = {
    ".call_id": ".id",
    ".name": ".function.name",
    ".arguments": ".function.arguments",
    ".input": ".custom.input",
}
_NAMES: Final = (
    (re.compile(r"^input$"), "messages"),
    (re.compile(r"^tools\[(\d+)\]\.(name|description|parameters|strict)\b"), r"tools[\1].function.\2"),
    (re.compile(r"^tools\[(\d+)\]\.format\.(syntax|definition)$"), r"tools[\1].custom.format.grammar.\2"),
    (re.compile(r"^tool_choice\.name$"), "tool_choice.function.name"),
    (re.compile(r"^tool_choice\.tools\[(\d+)\]\.name$"), r"tool_choice.allowed_tools.tools[\1].function.name"),
    (re.compile(r"^text\.format\.(name|description|schema|strict)\b"), r"response_format.json_schema.\1"),
    (re.compile(r"^text\.format\b"), "response_format"),
    (re.compile(r"^text\.verbosity$"), "verbosity"),
    (re.compile(r"^text$"), "response_format"),
)
_QUOTED: Final = re.compile(r"`([^`]+)`")


def placed(error: ApiError, places: Sequence[str], renamed: Mapping[str, str]) -> ApiError:
    """Return an error that names the fields of the chat request.

    Args:
        error: it names the fields of the Responses request.
        places: the path of each item of the input in the chat request.
        renamed: further names by those that they became.
    """

    def path(name: str) -> str:
        return _path(name, places, renamed)

    return ApiError(
        error.code,
        _message(error.message, path),
        param=None if error.param is None else path(error.param),
        retry_after=error.retry_after,
        headers=error.headers,
        complete=True,
    )


def _message(message: str, path: Callable[[str], str]) -> str:
    return _QUOTED.sub(lambda quoted: f"`{path(quoted[1])}`", message)


def _path(name: str, places: Sequence[str], renamed: Mapping[str, str]) -> str:
    item = _INPUT.fullmatch(name)
    if item is not None and int(item[1]) < len(places):
        return _within(places[int(item[1])], item[2])
    if name in renamed:
        return renamed[name]
    for pattern, replacement in _NAMES:
        if pattern.search(name):
            return pattern.sub(replacement, name)
    return name


def _within(place: str, rest: str) -> str:
    if ".tool_calls[" in place:
        return place + _OF_CALLS.get(rest, rest)
    if rest == ".call_id":
        return f"{place}.tool_call_id"
    for pattern, replacement in _WITHIN:
        rest = pattern.sub(replacement, rest)
    return place + rest
