"""Describes images and files by their first bytes.

Pure: nothing is fetched. Sizes come from the headers of PNG (RFC 2083, IHDR), GIF (GIF89a, screen descriptor) and JPEG
(ITU-T T.81, start of frame).
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from typing import Any, Final

_NO_FRAME: Final = (0xC4, 0xC8, 0xCC)


def describe(parts: Sequence[dict[str, Any]]) -> str:
    """Describe how many images and files there are, and what they are; empty for none."""
    images = [_image(part) for part in parts if part["type"] == "input_image"]
    files = [_file(part) for part in parts if part["type"] != "input_image"]
    seen = [_listed(images, "image"), _listed(files, "file")]
    return " ".join(f"I see {text}." for text in seen if text)


def _listed(things: list[str], noun: str) -> str:
    if not things:
        return ""
    return f"{len(things)} {noun}{'s' if len(things) > 1 else ''}: {', '.join(things)}"


def _image(part: dict[str, Any]) -> str:
    url = part.get("image_url") or ""
    kind, data = _split(url)
    if kind is None:
        return "one behind a link, which I do not open"
    size = _size(data)
    return f"{kind} of {size[0]} x {size[1]} pixels" if size else f"{kind} of {len(data)} bytes"


def _file(part: dict[str, Any]) -> str:
    name = part.get("filename") or "one without a name"
    if not part.get("file_data"):
        return f"{name}, behind a link, which I do not open"
    kind, data = _split(
        part["file_data"] if part["file_data"].startswith("data:") else f"data:;base64,{part['file_data']}"
    )
    return f"{name} ({', '.join(([kind] if kind else []) + [f'{len(data)} bytes'])})"


def _split(url: str) -> tuple[str | None, bytes]:
    """Return the media type and the bytes of a data URL; no type if it is none."""
    header, comma, data = url.partition(",")
    if not (header.startswith("data:") and comma):
        return None, b""
    kind = header[5:].split(";")[0]
    try:
        return kind, base64.b64decode(data)
    except (binascii.Error, ValueError):
        return kind, b""


def _size(data: bytes) -> tuple[int, int] | None:
    """Read width and height in pixels; None if the header has none."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:  # noqa: PLR2004 signature, length, IHDR, two numbers
        return struct.unpack(">II", data[16:24])
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:  # noqa: PLR2004 signature, two numbers
        return struct.unpack("<HH", data[6:10])
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 a marker
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:  # noqa: PLR2004 start of frame
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
