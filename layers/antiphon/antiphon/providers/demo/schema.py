"""Fills in a JSON value that fits a JSON Schema, from the user's words if they have one.

Pure. Source: JSON Schema 2020-12, the part that function tools and structured outputs use: ``$ref``, ``enum``,
``const``, types, bounds, ``required``, ``anyOf``/``oneOf`` (the first branch that ends), ``allOf`` (merged). What
contradicts itself gets a best effort. Depth, breadth and length are bounded for every schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from antiphon.providers.demo.keywords import MOST as _MOST_ITEMS
from antiphon.providers.demo.keywords import Schema, clean, joined, kind_of, nests
from antiphon.providers.demo.pattern import matching
from antiphon.providers.demo.words import Words

_DEEPEST: Final = 24
_DEEP: Final = 4
"""From here on nothing is nested that need not be."""

MOST_VALUES: Final = 5000
"""The most values that one answer has, in all its calls together."""

_CHARACTERS: Final = 100
"""The characters of names and texts that count as one more value, so that a result stays below about a megabyte."""

_LONGEST: Final = 10_000
_FORMATS: Final = {
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "date-time": "2026-01-01T12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/example",
    "iri-reference": "/example",
    "uri-template": "/example",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "a",
}


def value_for(schema: Schema | bool | None, words: Words, name: str = "", most: int = MOST_VALUES) -> Any:
    """Make a value.

    Args:
        schema: a JSON Schema; None for none.
        words: where values are taken from.
        name: what the value is called, such as the property's name.
        most: how many values it may have, itself included.
    """
    return _Filler(schema if isinstance(schema, dict) else {}, words, most).value(schema, name, 0)


class _Filler:
    def __init__(self, root: Schema, words: Words, most: int) -> None:
        self._root = root
        self._words = words
        self._left = most
        self._taken: set[float] = set()

    def value(self, raw: object, name: str, depth: int) -> Any:
        self._left -= 1 + len(name) // _CHARACTERS
        schema = self._whole(raw, depth)
        if self._left > 0 and "const" in schema:
            return self._paid(schema["const"])
        if self._left > 0 and schema.get("enum"):
            return self._paid(self._words.mentioned(schema["enum"])[0])
        if raw is False or depth > _DEEPEST or self._left <= 0:
            return None
        return self._of_kind(kind_of(schema), schema, name, depth)

    def _of_kind(self, kind: str, schema: Schema, name: str, depth: int) -> Any:
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, name, kind == "integer")
        return self._paid(self._string(schema, name)) if kind == "string" else {"boolean": True}.get(kind)

    def _paid(self, value: Any) -> Any:
        self._left -= len(json.dumps(value)) // _CHARACTERS
        return value

    def _whole(self, raw: object, depth: int) -> Schema:
        """Follow references and join what ``allOf`` and the chosen branch of ``anyOf`` or ``oneOf`` add."""
        schema = clean(raw)
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                schema = joined(self._target(schema.pop("$ref")), schema)
            elif schema.get("allOf"):
                for part in schema.pop("allOf"):
                    schema = joined(schema, self._whole(part, depth + 1) if depth < _DEEPEST and self._spend() else {})
            elif schema.get("anyOf") or schema.get("oneOf"):
                branches = schema.pop("anyOf", None) or schema.pop("oneOf")
                schema = joined(schema, clean(self._branch(branches, depth)))
            else:
                break
        return schema

    def _spend(self) -> bool:
        self._left -= 1
        return self._left > 0

    def _branch(self, branches: list[Any], depth: int) -> Schema:
        """Choose the first branch; deep inside, the first that does not lead deeper."""
        usable = [branch for branch in branches if isinstance(branch, dict)] or [{}]
        if depth < _DEEP:
            return next((branch for branch in usable if branch.get("type") != "null"), usable[0])
        return next((branch for branch in usable if not nests(branch)), usable[0])

    def _target(self, reference: str) -> Schema:
        place: Any = self._root
        for step in reference.lstrip("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~").replace("%25", "%")
            if isinstance(place, list):
                place = (
                    place[int(key)]
                    if key.isdecimal() and len(key) < len(str(_LONGEST)) and int(key) < len(place)
                    else {}
                )
            else:
                place = place.get(key, {}) if isinstance(place, dict) else {}
        return clean(place)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = [name for name in schema.get("required", ()) if isinstance(name, str)]
        wanted = required or ([] if depth > 1 else list(properties))
        names = [*dict.fromkeys([*(name for name in properties if name in wanted), *required])]
        others = schema.get("additionalProperties", {})
        least = min(schema.get("minProperties", 0), _MOST_ITEMS)
        spare = [name for name in [*properties, *(f"property_{n}" for n in range(_MOST_ITEMS))] if name not in names]
        names += spare[: max(0, least - len(names))]
        return {name: self.value(properties.get(name, others), name, depth + 1) for name in names}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        prefix = schema.get("prefixItems", [])
        items = schema.get("items", {})
        most = min(schema.get("maxItems", _MOST_ITEMS), _MOST_ITEMS)
        least = min(schema.get("minItems", 0), most)
        wanted = max(least, len(prefix) or (0 if items is False or (nests(items) and depth >= _DEEP) else 1))
        shapes = [*prefix, *[items] * (wanted - len(prefix))][: min(wanted, most)]
        values = [self.value(shape, name, depth + 1) for shape in shapes if self._left > 0]
        return self._distinct(values, shapes) if schema.get("uniqueItems") else values

    def _distinct(self, values: list[Any], shapes: list[Any]) -> list[Any]:
        """Replace repetitions: by other choices, by the next numbers, by numbered strings."""
        out: dict[str, Any] = {}
        for index, (value, raw) in enumerate(zip(values, shapes, strict=False)):
            others = ((json.dumps(other), other) for other in self._others(value, raw))
            key, other = next((pair for pair in others if pair[0] not in out), (str(index) + "#", value))
            out[key] = other
        return list(out.values())

    def _others(self, value: Any, raw: Any) -> Iterator[Any]:
        schema = self._whole(raw, 0)
        yield value
        if schema.get("enum"):
            yield from self._words.mentioned(schema["enum"])
        elif isinstance(value, bool):
            yield not value
        elif isinstance(value, int | float):
            yield from (
                value + sign * n * schema.get("multipleOf", 1) for n in range(1, _MOST_ITEMS + 1) for sign in (1, -1)
            )
        elif isinstance(value, str):
            longest = schema.get("maxLength", _LONGEST)
            yield from (f"{value[: longest - len(str(n))]}{n}" for n in range(1, _MOST_ITEMS + 1))

    def _number(self, schema: Schema, name: str, whole: bool) -> int | float:
        low, high = _bounds(schema, whole)
        step = schema.get("multipleOf") or (1 if whole else 0)
        fitting = [
            number for number in self._words.numbers(name) if low <= number <= high and _is_multiple(number, step)
        ]
        fresh = [number for number in fitting if number not in self._taken] or fitting
        if fresh:
            self._taken.add(fresh[0])
            return int(fresh[0]) if fresh[0].is_integer() else fresh[0]
        return _nearest(low, high, step)

    def _string(self, schema: Schema, name: str) -> str:
        form = schema.get("format")
        if form in _FORMATS:
            return self._words.form(form) or _FORMATS[form]
        if "pattern" in schema:
            return matching(schema["pattern"])
        least = min(schema.get("minLength", 0), _LONGEST)
        text = self._words.string(name) or "text"
        return text[: min(schema.get("maxLength", _LONGEST), _LONGEST)].ljust(least, ".")


def _bounds(schema: Schema, whole: bool) -> tuple[float, float]:
    low, high = float(schema.get("minimum", -math.inf)), float(schema.get("maximum", math.inf))
    if "exclusiveMinimum" in schema:
        above = float(schema["exclusiveMinimum"])
        low = max(low, math.floor(above) + 1.0 if whole else math.nextafter(above, math.inf))
    if "exclusiveMaximum" in schema:
        below = float(schema["exclusiveMaximum"])
        high = min(high, math.ceil(below) - 1.0 if whole else math.nextafter(below, -math.inf))
    return low, high


def _is_multiple(number: float, step: float) -> bool:
    return not step or math.isclose(number % step, 0)


def _nearest(low: float, high: float, step: float) -> int | float:
    """Return the number within bounds that is nearest to 1, a multiple of ``step`` (0 for any), whole if it can be."""
    nearest = min(max(low, 1.0), high)
    for unit in (step, 0 if step else 1):
        if unit and math.isfinite(nearest / unit):
            candidates = (math.ceil(nearest / unit) * unit, math.floor(nearest / unit) * unit)
            nearest = next((number for number in candidates if low <= number <= high), nearest)
    return int(nearest) if float(nearest).is_integer() else nearest
