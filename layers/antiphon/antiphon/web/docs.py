"""The page at /docs: Swagger UI, all of it from our own origin, and the committed OpenAPI document that it shows.

Swagger UI comes with the package ``fastapi-offline``, which is looked for and never imported. All URLs are relative, so
the page works behind a stage of API Gateway too. It must not know the routes that it shows.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

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


@cache
def document() -> bytes:
    """Read the OpenAPI document."""
    return DOCUMENT.read_bytes()


def file(name: str, package: str = PACKAGE) -> bytes | None:
    """Read a file of the page; None where there is none of this name."""
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


@cache
def page(package: str = PACKAGE) -> str:
    """Write the page; where Swagger UI is not installed, one that leads to the document."""
    urls = {}
    for name in KINDS:
        content = file(name, package)
        if content is None:
            return _HTML.format(style="", body=_PLAIN)
        urls[name] = f"docs/{name}?v={hashlib.sha256(content).hexdigest()[:16]}"
    style = f'<link rel="stylesheet" href="{urls["swagger-ui.css"]}">\n'
    scripts = "".join(f'<script src="{url}"></script>\n' for name, url in urls.items() if name.endswith(".js"))
    return _HTML.format(style=style, body=f'<div id="docs"></div>\n<noscript>\n{_PLAIN}</noscript>\n{scripts}')
