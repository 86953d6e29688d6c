"""The keywords of a JSON Schema, read before a value is made.

Pure. A keyword whose value has the wrong type is ignored, so that no schema makes this fail.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, Final

Schema = dict[str, Any]

MOST: Final = 500
"""How many entries of a keyword count: of properties, required names, choices, branches."""

_TYPE_HINTS: Final = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_COUNT: Final = ((int,), 0)
_REAL: Final = ((int, float), -math.inf)
_SHAPES: Final[dict[str, tuple[tuple[type, ...], float]]] = {
    **dict.fromkeys(("$ref", "format", "pattern"), ((str,), 0)),
    **dict.fromkeys(("allOf", "anyOf", "enum", "oneOf", "prefixItems", "required"), ((list,), 0)),
    **dict.fromkeys(("maxItems", "maxLength", "minItems", "minLength", "minProperties"), _COUNT),
    **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"), _REAL),
    "multipleOf": ((int, float), 1e-300),
    "properties": ((dict,), 0),
    "type": ((str, list), 0),
}
_ANY: Final = ("additionalProperties", "const", "items", "uniqueItems")
"""Keywords whose value may have any type."""


def clean(raw: object) -> Schema:
    """Leave out unsupported keywords and values of a wrong type (JSON Schema), and shorten very long values."""
    if not isinstance(raw, dict):
        return {}
    known = {name: _shortened(raw[name]) for name in _SHAPES if name in raw and _has_shape(raw[name], *_SHAPES[name])}
    return known | {name: raw[name] for name in _ANY if name in raw}


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(islice(value.items(), MOST))
    return value[:MOST] if isinstance(value, str | list) else value


def _has_shape(value: object, kinds: tuple[type, ...], least: float) -> bool:
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    return not isinstance(value, int | float) or value >= least


def kind_of(schema: Schema) -> str:
    """Return the type to make: the first that is not ``null``, or what other keywords suggest, or a string."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return next((kind for kind, hints in _TYPE_HINTS.items() if any(hint in schema for hint in hints)), "string")


def nests(schema: object) -> bool:
    """Whether a value may hold others, or may refer to one that does."""
    if not isinstance(schema, dict):
        return False
    return bool({"$ref", "properties", "items", "anyOf", "oneOf", "allOf"} & schema.keys())


def joined(one: Schema, other: Schema) -> Schema:
    """Join two schemas that must both hold: names add up, bounds narrow; in all else the second wins."""
    out = one | other
    if "properties" in one and "properties" in other:
        both = {
            name: {"allOf": [one["properties"][name], value]}
            for name, value in other["properties"].items()
            if name in one["properties"]
        }
        out["properties"] = one["properties"] | other["properties"] | both
    if "required" in one and "required" in other:
        out["required"] = [*one["required"], *other["required"]]
    if "enum" in one and "enum" in other:
        out["enum"] = [value for value in one["enum"] if value in other["enum"]] or other["enum"]
    for names, tighter in (
        (("minimum", "exclusiveMinimum", "minLength", "minItems"), max),
        (("maximum", "maxLength", "maxItems"), min),
    ):
        out |= {name: tighter(one[name], other[name]) for name in names if name in one and name in other}
    return clean(out)
