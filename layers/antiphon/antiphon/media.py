"""Check images and files: the content must fit the media type.

The result is a base64 data URL (RFC 2397). Sources of the first bytes of each type: PNG (RFC 2083), JPEG (ITU-T T.81),
GIF (GIF89a), WebP (RFC 9649), PDF (ISO 32000-1, 7.5.2; readers look for the header in the first 1024 bytes).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final, NamedTuple

from antiphon.errors import ApiError
from antiphon.ports import Medium

_HEADER: Final = re.compile(
    r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w.-]+=[\w.+-]*)*;base64,", re.IGNORECASE | re.ASCII
)
_UNTOLD: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Media types of servers that do not know the type."""

_TEXT: Final = frozenset({"application/json"})
"""Types of text other than ``text/*``."""

_ALIASES: Final = {"image/jpg": "image/jpeg"}
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_PDF_WITHIN: Final = 1024


class Attachment(NamedTuple):
    """A checked image or file, with its whole content in ``url``."""

    medium: Medium
    url: str


def is_data_url(text: str) -> bool:
    """Return whether a URL holds its own content."""
    return text[:5].lower() == "data:"


def image_of_data_url(url: str, max_bytes: int) -> Attachment:
    """Check an image that came as a data URL.

    Raises:
        ApiError: 400 ``invalid_image`` or ``image_too_large``.
    """
    header = _HEADER.match(url)
    if header is None:
        raise ApiError("invalid_image", "A data URL must begin `data:image/TYPE;base64,`.")
    declared = (header["type"] or "").lower()
    payload = url[header.end() :]
    content = _decoded(payload, max_bytes, "image")
    kind = image_type(content)
    if kind is None or kind != _ALIASES.get(declared, declared):
        raise ApiError("invalid_image", "The content is not an image of its media type.")
    return Attachment("image", f"data:{kind};base64,{payload}")


def image_of_bytes(content: bytes, declared: str) -> Attachment:
    """Check an image that was fetched; the content decides its type.

    Raises:
        ApiError: 400 ``invalid_image``.
    """
    kind = image_type(content)
    if kind is None or _ALIASES.get(declared, declared) not in _IMAGES | _UNTOLD:
        raise ApiError("invalid_image", "The URL returns no PNG, JPEG, GIF or WebP image.")
    return Attachment("image", _data_url(kind, content))


def file_of_data(data: str, max_bytes: int) -> Attachment:
    """Check a file that came as a data URL, or in bare base64.

    Raises:
        ApiError: 400 ``invalid_file`` or ``file_too_large``.
    """
    declared, payload = "", data
    if is_data_url(data):
        header = _HEADER.match(data)
        if header is None:
            raise ApiError("invalid_file", "A data URL must begin `data:TYPE;base64,`.")
        declared, payload = (header["type"] or "").lower(), data[header.end() :]
    medium, kind = file_type(_decoded(payload, max_bytes, "file"), declared)
    return Attachment(medium, f"data:{kind};base64,{payload}")


def file_of_bytes(content: bytes, declared: str) -> Attachment:
    """Check a file that was fetched.

    Raises:
        ApiError: 400 ``invalid_file``.
    """
    medium, kind = file_type(content, declared)
    return Attachment(medium, _data_url(kind, content))


def image_type(content: bytes) -> str | None:
    """Return an image's media type, found in its first bytes, or None if it is not known."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if content.startswith(b"RIFF") and content[8:12] == b"WEBP" else None


def file_type(content: bytes, declared: str) -> tuple[Medium, str]:
    """Return what a file is, and its media type: the declared one, if the content agrees.

    Raises:
        ApiError: 400 ``invalid_file``: it is neither PDF nor text in UTF-8, or not as declared.
    """
    untold = declared in _UNTOLD
    if untold or declared == "application/pdf":
        if b"%PDF-" in content[:_PDF_WITHIN]:
            return "pdf", "application/pdf"
        if not untold:
            raise ApiError("invalid_file", "The content is not a PDF, as its media type claims.")
    elif not (declared.startswith("text/") or declared in _TEXT):
        raise ApiError("invalid_file", "Files may be PDF, text or JSON.")
    if not _is_text(content):
        raise ApiError("invalid_file", "The file is neither PDF nor text in UTF-8.")
    return "text", "text/plain" if untold else declared


def medium_of(part: dict[str, Any]) -> Medium | None:
    """Return what a content part is besides plain text, as far as this shows before a file is fetched."""
    if part["type"] == "input_image":
        return "image"
    if part["type"] == "input_file":
        return "text" if is_text_file(part) else "pdf"
    return None


def require_readable(media: frozenset[Medium], readable: frozenset[Medium], field: str) -> None:
    """Check that a model reads an image or a file.

    Args:
        media: what it is; for a file that was not fetched yet, all that it may be.
        readable: what the model reads in this place.
        field: the place: the ``content`` of a message, or the ``output`` of a function call.

    Raises:
        ApiError: 400 ``unsupported_value``, still without the path of the part.
    """
    if media & readable:
        return
    what = next(iter(media)) if len(media) == 1 else "file"
    named = "text file" if what == "text" else what
    words = "here" if field == "content" else "in the output of a function call"
    raise ApiError("unsupported_value", f"This model cannot be given this {named} {words}.")


def is_text_file(part: dict[str, Any]) -> bool:
    """Return whether a content part is a checked text file."""
    kind = part.get("file_data", "").partition(";")[0] if part["type"] == "input_file" else ""
    return kind.startswith("data:text/") or kind[5:] in _TEXT


def text_of(url: str) -> str:
    """Read the text of a checked text file's data URL."""
    return base64.b64decode(url.partition(",")[2]).decode("utf-8-sig")


def _is_text(content: bytes) -> bool:
    try:
        return "\x00" not in content.decode()
    except UnicodeDecodeError:
        return False


def _decoded(payload: str, max_bytes: int, what: str) -> bytes:
    """Decode strict base64. Its length is checked before it is decoded."""
    if len(payload) // 4 * 3 > max_bytes + 2:
        raise too_large(what, max_bytes)
    try:
        content = binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        raise ApiError(f"invalid_{what}", "The content is not base64 (RFC 4648, section 4, with padding).") from None
    if len(content) > max_bytes:
        raise too_large(what, max_bytes)
    if not content:
        raise ApiError(f"invalid_{what}", f"The {what} is empty.")
    return content


def too_large(what: str, max_bytes: int) -> ApiError:
    """Return the error for an ``image`` or a ``file`` that is over the limit."""
    return ApiError(f"{what}_too_large", f"One {what} may have at most {max_bytes} bytes.")


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
