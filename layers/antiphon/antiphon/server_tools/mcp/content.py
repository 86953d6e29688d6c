"""The result of a tool of MCP as what the model is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from antiphon.ports import ToolFailure, ToolResult

IMAGES: Final = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_ALIASES: Final = {"image/jpg": "image/jpeg"}


def read_result(result: Mapping[str, Any]) -> ToolResult:
    """Read the result of ``tools/call``: texts, images, resources, structured content, and whether it is an error."""
    content = result.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    texts = [text for part in parts if (text := _text(part)) is not None]
    if not any(part.get("type") == "text" for part in parts) and "structuredContent" in result:
        texts.append(orjson.dumps(result["structuredContent"]).decode())
    failure = ToolFailure("execution", "The tool reports an error.") if result.get("isError") is True else None
    return ToolResult("\n".join(texts), failure, tuple(_images(parts)))


def _text(part: Mapping[str, Any]) -> str | None:
    """Return a part as text; None for an image that is shown."""
    kind = part.get("type")
    if kind == "text":
        return str(part.get("text", ""))
    if kind == "resource_link":
        said = (str(part[name]) for name in ("name", "description", "uri") if part.get(name))
        return f"[resource: {', '.join(said)}]"
    if kind == "resource":
        return _resource(part.get("resource"))
    return None if _image(part) else f"[{kind} of type {part.get('mimeType', 'unknown')}, left out]"


def _resource(resource: Any) -> str | None:
    if not isinstance(resource, dict):
        return "[resource, left out]"
    if isinstance(resource.get("text"), str):
        return str(resource["text"])
    if _image(resource):
        return None
    return f"[resource {resource.get('uri', '')} of type {resource.get('mimeType', 'unknown')}, left out]"


def _images(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        inner = part.get("resource") if part.get("type") == "resource" else part
        if isinstance(inner, dict) and (image := _image(inner)):
            yield image


def _image(part: Mapping[str, Any]) -> str | None:
    """Return an image as a data URL; None if it is none that models read."""
    named = str(part.get("mimeType", "")).lower()
    kind, data = _ALIASES.get(named, named), part.get("data", part.get("blob"))
    return f"data:{kind};base64,{data}" if kind in IMAGES and isinstance(data, str) else None
