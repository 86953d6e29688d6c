"""The page at /docs: Swagger UI, all of it from our own origin, and the committed OpenAPI document that it shows.

Swagger UI comes with the package ``fastapi-offline``, which is found on disk and never imported. All URLs are relative,
so the page works behind a stage of API Gateway too. Every file has an ETag and is compressed once in a process.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

PACKAGE: Final = "fastapi_offline"
DOCUMENT: Final = Path(__file__).with_name("openapi.json")
KINDS: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}
"""The only files that are served, with their media types."""

PAGE_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
FILE_HEADERS: Final = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
}
"""A file never changes under its URL: the page asks for it with the digest of its content."""

DOCUMENT_HEADERS: Final = {"cache-control": "public, max-age=300"}

_SMALL: Final = 1024
"""Fewer bytes are not compressed: they fit into one packet anyway."""

_START: Final = b"""\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""

_HTML: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Antiphon API</title>
<link rel="icon" href="data:,">
{style}</head>
<body>
{body}</body>
</html>
"""
_PLAIN: Final = """\
<h1>Antiphon API</h1>
<p>The API is described by its <a href="openapi.json">OpenAPI document</a>.</p>
"""


async def answer(request: Request, content: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """Return a file: compressed if the client takes gzip, and 304 if the client has it already (RFC 9110, 13.1.2)."""
    compressed = len(content) > _SMALL and _takes_gzip(request)
    tag = _tag(content, compressed=compressed)
    headers = {**headers, "etag": tag, "vary": "accept-encoding"}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    if compressed:
        headers["content-encoding"] = "gzip"
        content = await asyncio.to_thread(_compressed, content)
    return Response(content, headers=headers, media_type=media_type)


def _takes_gzip(request: Request) -> bool:
    """Return whether an answer may be compressed.

    A function that answers in one piece sends bytes as base64, which a REST API decodes only for media types that it is
    told of. Text reaches the client in any case.
    """
    if "aws.event" in request.scope:
        return False
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _has(tags: str, tag: str) -> bool:
    return tags.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in tags.split(",")}


@cache
def _tag(content: bytes, *, compressed: bool) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}{"-gzip" if compressed else ""}"'


@cache
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@cache
def document() -> bytes:
    """Read the OpenAPI document."""
    return DOCUMENT.read_bytes()


def file(name: str, package: str = PACKAGE) -> bytes | None:
    """Read a file of the page. Return None if there is none of this name."""
    return _read(name, package) if name in KINDS else None


@cache
def _read(name: str, package: str) -> bytes | None:
    if name == "start.js":
        return _START
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / "static" / name
    return path.read_bytes() if path.is_file() else None


def plain_page() -> str:
    """Return a page with a link to the document and no script."""
    return _HTML.format(style="", body=_PLAIN)


@cache
def page(package: str = PACKAGE) -> str:
    """Return the page, or one with a link to the document if Swagger UI is not installed."""
    urls = {}
    for name in KINDS:
        content = file(name, package)
        if content is None:
            return plain_page()
        urls[name] = f"docs/{name}?v={hashlib.sha256(content).hexdigest()[:16]}"
    style = f'<link rel="stylesheet" href="{urls["swagger-ui.css"]}">\n'
    scripts = "".join(f'<script src="{url}"></script>\n' for name, url in urls.items() if name.endswith(".js"))
    return _HTML.format(style=style, body=f'<div id="docs"></div>\n<noscript>\n{_PLAIN}</noscript>\n{scripts}')
