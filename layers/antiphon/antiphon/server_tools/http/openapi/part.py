"""The part of an OpenAPI document that an agent's operations need. It is stored with the agent in the place of a file.

So an agent that is shown can be applied where the file is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import orjson

from antiphon.server_tools.http.openapi.document import ApiDocument, CannotCompile, steps_of
from antiphon.server_tools.http.openapi.operations import Operation, answers_of, operations, own_name
from antiphon.server_tools.http.openapi.schemas import MAX_DESCRIPTION, shortened

MAX_BYTES: Final = 100_000
"""The largest part, as JSON: an agent has at most 300,000 bytes, and each request reads it."""

_OF_DOCUMENT: Final = ("openapi", "info", "servers")
_OF_PATH: Final = ("parameters", "servers")
_OF_OPERATION: Final = (
    "operationId",
    "summary",
    "description",
    "parameters",
    "requestBody",
    "servers",
    "security",
)


class _TooLarge(Exception):
    """The part has more values than bytes are allowed."""


def part_of(document: ApiDocument, chosen: Collection[Operation]) -> dict[str, Any] | None:
    """Return a document that has some operations, with all that they refer to, and compiles to the same.

    Of the answers only the media types are kept, as a request asks for them.

    Args:
        document: the whole document.
        chosen: the operations; they can be compiled.

    Returns:
        The document; None if it is too large to be stored with an agent.
    """
    part = _some(document.root.value, _OF_DOCUMENT)
    if isinstance(part.get("info"), dict):
        part["info"] = _some(part["info"], ("title", "version"))
    part["paths"] = _paths(document, chosen)
    _add_security(document, chosen, part)
    _add_what_is_referred_to(document, part)
    try:
        copy: dict[str, Any] = _Copying().copy(part)
    except (_TooLarge, RecursionError):  # an anchor of YAML may contain itself
        return None
    return copy if len(orjson.dumps(copy)) <= MAX_BYTES else None


def _paths(document: ApiDocument, chosen: Collection[Operation]) -> dict[str, Any]:
    """Return the paths of operations. If another one took a name first, all are kept, the others as names alone."""
    paths: dict[str, Any] = {}
    wanted = {(operation.path, operation.method) for operation in chosen}
    keeps_names = any(operation.name != own_name(operation) for operation in chosen)
    for operation in operations(document):
        is_wanted = (operation.path, operation.method) in wanted
        if is_wanted or keeps_names:
            path = paths.setdefault(operation.path, _some(operation.item.value, _OF_PATH))
            path[operation.method] = (
                _operation(document, operation) if is_wanted else _some(operation.node.value, ("operationId",))
            )
    return paths


def _operation(document: ApiDocument, operation: Operation) -> dict[str, Any]:
    part = _some(operation.node.value, _OF_OPERATION)
    answers = {
        str(status): {"description": answer.get("description") or ""}
        | ({"content": {kind: {} for kind in kinds}} if kinds else {})
        for status, answer, kinds in answers_of(document, operation.node)
    }
    return part | ({"responses": answers} if answers else {})


def _some(value: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


def _add_security(document: ApiDocument, chosen: Collection[Operation], part: dict[str, Any]) -> None:
    """Add the security requirements and the schemes that they name."""
    root = document.root.value
    if "security" in root and any("security" not in operation.node.value for operation in chosen):
        part["security"] = root["security"]
    asked = [part.get("security"), *(operation.node.get("security") for operation in chosen)]
    names = {name for each in asked if isinstance(each, list) for way in each if isinstance(way, dict) for name in way}
    schemes = (root.get("components") or {}).get("securitySchemes") or {}
    if kept := {name: schemes[name] for name in schemes if name in names}:
        part["components"] = {"securitySchemes": kept}


def _add_what_is_referred_to(document: ApiDocument, part: dict[str, Any]) -> None:
    seen: set[int] = set()
    done: set[str] = set()
    waiting: list[Any] = [part]
    while waiting:
        for reference in _references(waiting.pop(), seen):
            if reference in done:
                continue
            done.add(reference)
            try:
                target = document.at(reference, document.root)
            except CannotCompile:
                continue  # what is compiled does not use it
            _keep(part, document.root.value, steps_of(reference))
            waiting.append(target.value)


def _references(value: Any, seen: set[int]) -> Iterator[str]:
    """Yield the references in a value, except for what was seen before."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, dict | list) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict) and isinstance(each.get("$ref"), str):
            yield each["$ref"]
        waiting.extend(each.values() if isinstance(each, dict) else each)


def _keep(part: dict[str, Any], source: Any, steps: list[str]) -> None:
    """Add to a part what a pointer leads to, at the same place. A list is kept whole, so that its numbers stay."""
    for left, step in enumerate(steps, 1 - len(steps)):
        source = source[step]
        if left == 0 or isinstance(source, list) or part.get(step) is source:
            part[step] = source
            return
        part = part.setdefault(step, {})


class _Copying:
    """Copies values as JSON, without what cannot be stored."""

    def __init__(self) -> None:
        self._count = 0

    def copy(self, value: Any) -> Any:
        self._count += 1
        if self._count > MAX_BYTES:
            raise _TooLarge
        if isinstance(value, dict):
            return {
                _key(name): shortened(each) if _is_long(name, each) else self.copy(each)
                for name, each in value.items()
                if _can_be_stored(each)
            }
        if isinstance(value, list):
            return [self.copy(each) for each in value if _can_be_stored(each)]
        return value


def _is_long(name: Any, value: Any) -> bool:
    return name in ("summary", "description") and isinstance(value, str) and len(value) > MAX_DESCRIPTION


def _key(name: Any) -> str:
    """Return a key of YAML, such as the status 200, as JSON has it."""
    return name if isinstance(name, str) else orjson.dumps(name).decode()


def _can_be_stored(value: Any) -> bool:
    if isinstance(value, dict | list):
        return True
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
