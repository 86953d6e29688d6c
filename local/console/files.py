"""The files of the page, read once, with the headers that they are sent with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("page")

_DIRECTIVES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

POLICY: Final = "; ".join(_DIRECTIVES)
"""Content Security Policy: nothing inline, nothing from elsewhere, and no text that becomes markup.

``data:`` is for the icons in Pico's style sheet.
"""

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page."""

    media_type: str
    content: bytes


def read_files(folder: Path = FOLDER) -> dict[str, PageFile]:
    """Return the files by their paths below ``/console/``. No other path exists."""
    found = {
        path.relative_to(folder).as_posix(): PageFile(_TYPES[path.suffix], _content(path))
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }
    return {**found, "": found["index.html"]}


def _content(path: Path) -> bytes:
    """Read a file. A bare import becomes a relative one: an import map would have to be inline."""
    content = path.read_bytes()
    return content.replace(b'from"preact"', b'from"./preact.mjs"') if path.name == "hooks.mjs" else content
