"""The versions of MCP that the client has, and what each sends with every request.

2026-07-28        stateless: no handshake; version, identity and capabilities with every request
2025-11-25, ...   ``initialize``, then perhaps a session, which is ended when its call has ended
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from antiphon import __version__
from antiphon.server_tools.mcp.parameters import header_value

STATELESS: Final = "2026-07-28"
WITH_HANDSHAKE: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
VERSIONS: Final = (STATELESS, *WITH_HANDSHAKE)
"""Newest first."""

CLIENT: Final = {"name": "antiphon", "version": __version__}
CALL_MARK: Final = "dev.antiphon/idempotency-key"
"""The field of ``_meta`` that marks a call: the same for every attempt of it."""

_META: Final = "io.modelcontextprotocol/"


def newest_of(versions: Iterable[Any]) -> str | None:
    """Return the newest version that both sides have; None for none."""
    offered = set(filter(lambda version: isinstance(version, str), versions))
    return next((version for version in VERSIONS if version in offered), None)


def message(version: str, number: int, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request in the form of a version."""
    given = dict(params)
    if version == STATELESS:
        given["_meta"] = {
            **given.get("_meta", {}),
            f"{_META}protocolVersion": version,
            f"{_META}clientInfo": CLIENT,
            f"{_META}clientCapabilities": {},
        }
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": given}


def headers(version: str, method: str, name: str = "") -> dict[str, str]:
    """Return the headers of a request in the form of a version.

    Args:
        version: of the protocol.
        method: the request's.
        name: of the tool; empty for none.
    """
    said = {"mcp-protocol-version": version}
    if version == STATELESS:
        said |= {"mcp-method": method} | ({"mcp-name": header_value(name)} if name else {})
    return said
