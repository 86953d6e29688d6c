"""A function tool, and the text of a response."""

from __future__ import annotations

from typing import Any

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/city"}, "opt.unit": {"type": "string"}},
        "$defs": {"city": {"type": "string", "default": None}},
        "required": ["city"],
    },
    "strict": False,
}


def said(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])
