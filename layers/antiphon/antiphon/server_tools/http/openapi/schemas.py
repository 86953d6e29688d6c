"""Schemas of OpenAPI as JSON Schema for a model: complete, not too long, and without what no model needs.

A schema that is referred to is written where it is used. One that contains itself is kept in ``$defs``. If the result
is too long, all large ones that are referred to are kept there once; after that the innermost parts are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from antiphon.server_tools.http.openapi.document import ApiDocument, Node

MAX_BYTES: Final = 16_384
"""The longest schema of a tool's arguments, as JSON."""
MAX_DESCRIPTION: Final = 1024

_NODES: Final = 4000
_LONG: Final = 40
_SIZES: Final = (
    (_LONG, MAX_DESCRIPTION),
    (_LONG, 160),
    (12, 160),
    (9, 160),
    (7, 160),
    (5, 120),
    (4, 120),
    (3, 80),
    (2, 80),
    (1, 80),
)
"""How many levels and how long descriptions are, by turns, until the schema is short enough."""

_KEPT: Final = frozenset(
    {
        "type",
        "enum",
        "const",
        "default",
        "format",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    }
)
_LISTS: Final = ("anyOf", "oneOf", "prefixItems")
_SCHEMAS: Final = ("items", "additionalProperties", "not", "contains", "propertyNames")
Schema = dict[str, Any]


class Written(NamedTuple):
    """A schema for a model.

    Attributes:
        schema: an object's.
        is_cut: parts of it were left out.
    """

    schema: Schema
    is_cut: bool


class _TooLong(Exception):
    """The schema has too many parts."""


def arguments_schema(document: ApiDocument, properties: Mapping[str, Node], required: list[str]) -> Written:
    """Return the schema of an operation's arguments.

    Args:
        document: the document.
        properties: the schema of each argument.
        required: the arguments that must be passed.

    Raises:
        CannotCompile: a schema is malformed.
    """
    for depth, longest in _SIZES:
        for shares in (False, True):
            writer = _Writer(document, depth, longest, shares=shares)
            try:
                schema = writer.whole(properties, required)
            except (_TooLong, RecursionError):
                continue
            if len(orjson.dumps(schema)) <= MAX_BYTES:
                return Written(schema, writer.is_cut)
    named: Schema = {name: {} for name in properties}
    return Written({"type": "object", "properties": named, "required": required}, is_cut=True)


def shortened(text: Any, longest: int = MAX_DESCRIPTION) -> str:
    """Return a text on one line, or its beginning."""
    words = " ".join(text.split()) if isinstance(text, str) else ""
    return words if len(words) <= longest else words[: longest - 1] + "…"


class _Writer:
    """Writes the schemas of one operation.

    Args:
        document: has them.
        depth: how many levels are kept.
        longest: the longest description, in characters.
        shares: large schemas that are referred to are kept once, in ``$defs``.
    """

    def __init__(self, document: ApiDocument, depth: int, longest: int, *, shares: bool) -> None:
        self._document = document
        self._depth = depth
        self._longest = longest
        self._shares = shares
        self._names: dict[str, str] = {}
        self._nodes = 0
        self.is_cut = False

    def whole(self, properties: Mapping[str, Node], required: list[str]) -> Schema:
        written: Schema = {
            "type": "object",
            "properties": {name: self._schema(node, (), 1) for name, node in properties.items()},
            "required": required,
        }
        definitions: Schema = {}
        while missing := [place for place, name in self._names.items() if name not in definitions]:
            for place in missing:
                node = self._document.at(place, self._document.root)
                definitions[self._names[place]] = self._schema(node, (place,), 2)
        if definitions:
            written["$defs"] = definitions
        return written

    def _schema(self, node: Node, inside: tuple[str, ...], depth: int) -> Schema:
        """Write a schema.

        Args:
            node: the schema.
            inside: the places that are being written where they are used.
            depth: how deep it is.
        """
        self._nodes += 1
        if self._nodes > _NODES:
            raise _TooLong
        if isinstance(node.value, bool):
            return {} if node.value else {"not": {}}
        if not isinstance(node.value, dict):
            raise node.refuse("this must be a schema")
        if isinstance(node.value.get("$ref"), str):
            return self._referred(node, inside, depth)
        if depth > self._depth:
            self.is_cut = True
            return _cut(node.value)
        return self._written(node, inside, depth)

    def _referred(self, node: Node, inside: tuple[str, ...], depth: int) -> Schema:
        target = self._document.at(node.value["$ref"], node)
        own: Schema = {}
        if text := shortened(node.value.get("description"), self._longest):
            own["description"] = text
        if target.place in inside or (self._shares and depth > 1 and _is_large(target.value)):
            return {"$ref": f"#/$defs/{self._name(target.place)}", **own}
        return {**self._schema(target, (*inside, target.place), depth), **own}

    def _name(self, place: str) -> str:
        if place not in self._names:
            base = "".join(c if c.isalnum() or c in "_-" else "_" for c in place.rpartition("/")[2]) or "schema"
            taken = set(self._names.values())
            self._names[place] = next(name for name in _numbered(base) if name not in taken)
        return self._names[place]

    def _written(self, node: Node, inside: tuple[str, ...], depth: int) -> Schema:
        value = node.value
        written = {key: part for key, part in value.items() if key in _KEPT and _can_be_stored(part)}
        if text := shortened(value.get("description") or value.get("title"), self._longest):
            written["description"] = text
        self._add_properties(node, written, inside, depth)
        for key in _SCHEMAS:
            if isinstance(value.get(key), dict | bool) and (key in ("items", "not") or value[key] is not True):
                is_flag = isinstance(value[key], bool)
                written[key] = value[key] if is_flag else self._schema(node[key], inside, depth + 1)
        for key in _LISTS:
            if isinstance(value.get(key), list):
                written[key] = [self._schema(node[key][index], inside, depth + 1) for index in range(len(value[key]))]
        if isinstance(value.get("allOf"), list):
            parts = [self._schema(node["allOf"][index], inside, depth) for index in range(len(value["allOf"]))]
            written = _together(written, parts)
        return _of_3_0(value, written) if self._document.is_3_0 else written

    def _add_properties(self, node: Node, written: Schema, inside: tuple[str, ...], depth: int) -> None:
        properties = node.get("properties")
        if not isinstance(properties, dict):
            if isinstance(node.get("required"), list):
                written["required"] = node.get("required")
            return
        kept = {name for name, part in properties.items() if not self._is_read_only(node["properties"][name], part)}
        written["properties"] = {
            name: self._schema(node["properties"][name], inside, depth + 1) for name in properties if name in kept
        }
        required = node.get("required")
        if isinstance(required, list):
            needed = [name for name in required if name in kept or name not in properties]
            written |= {"required": needed} if needed else {}

    def _is_read_only(self, node: Node, value: Any) -> bool:
        """Return whether a property is only in answers."""
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            value = self._document.object(node).value
        return isinstance(value, dict) and value.get("readOnly") is True


def _can_be_stored(value: Any) -> bool:
    """Check that a value is JSON, with integers of at most 64 bits."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _numbered(base: str) -> Iterator[str]:
    yield base
    number = 2
    while True:
        yield f"{base}_{number}"
        number += 1


def _is_large(value: Any) -> bool:
    return isinstance(value, dict) and bool({"properties", "allOf", "oneOf", "anyOf"} & value.keys())


def _cut(value: Schema) -> Schema:
    """Return a schema without its parts."""
    kept: Schema = {key: value[key] for key in ("type", "format") if key in value}
    if "type" not in kept and "properties" in value:
        kept["type"] = "object"
    return {**kept, "description": shortened(value.get("description"), 80) or "Its parts are left out here."}


def _of_3_0(value: Schema, written: Schema) -> Schema:
    """Return a schema of OpenAPI 3.0 as JSON Schema: null is a type, and exclusive bounds are numbers."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(written.get(exclusive), bool) and written.pop(exclusive) and bound in written:
            written[exclusive] = written.pop(bound)
    if value.get("nullable") is not True:
        return written
    if isinstance(written.get("type"), str):
        enum = {"enum": [*written["enum"], None]} if None not in written.get("enum", [None]) else {}
        return {**written, "type": [written["type"], "null"], **enum}
    return {"anyOf": [written, {"type": "null"}]}


def _together(own: Schema, parts: list[Schema]) -> Schema:
    """Return one schema for several that all hold; with ``allOf`` if they say different things of the same."""
    together: Schema = {}
    for part in (*parts, own):
        merged = _merged(together, part)
        if merged is None:
            return {**own, "allOf": parts}
        together = merged
    return together


def _merged(first: Schema, second: Schema) -> Schema | None:
    """Return a schema for two that both hold; None if one is not enough."""
    if first and second and ("$ref" in first or "$ref" in second):
        return None
    merged = dict(first)
    for key, value in second.items():
        if key == "properties":
            merged[key] = _properties(merged.get(key, {}), value)
        elif key == "required":
            merged[key] = list(dict.fromkeys([*merged.get(key, ()), *value]))
        elif key == "description" or key not in merged or merged[key] == value:
            merged[key] = value
        else:
            return None
    if "additionalProperties" in merged and ("properties" in first and "properties" in second):
        del merged["additionalProperties"]  # of one part it would forbid the other's
    return merged


def _properties(first: Schema, second: Schema) -> Schema:
    together = dict(first)
    for name, schema in second.items():
        together[name] = _both(first[name], schema) if name in first else schema
    return together


def _both(first: Schema, second: Schema) -> Schema:
    if first == second:
        return first
    merged = _merged(first, second)
    return {"allOf": [first, second]} if merged is None else merged
