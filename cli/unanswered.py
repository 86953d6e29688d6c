"""Why a request got no answer, in words."""

from __future__ import annotations

import socket
import ssl
from typing import Final

_CAUSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (TimeoutError, "it took too long"),
    (socket.gaierror, "no machine of this name is known"),
    (ConnectionRefusedError, "the connection is refused, so nothing listens there"),
    (ssl.SSLError, "no secure connection to it can be made"),
    (ConnectionError, "the connection broke off"),
)
"""The first that fits, so a class comes before those that it is derived from."""

_NAMES: Final = {
    "ServerDisconnectedError": "the connection broke off",
    "ClientPayloadError": "its answer broke off",
    "InvalidUrlClientError": "this is no URL of a server",
    "InvalidURL": "this is no URL of a server",
}
"""Errors of aiohttp, which is not imported for them."""


def reason(error: BaseException) -> str:
    """Return why a request got no answer; the name of the error's class if there are no words for it."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    found = next((words for kind, words in _CAUSES if isinstance(cause, kind) or isinstance(error, kind)), None)
    name = type(error).__name__
    if found is None and name not in _NAMES and isinstance(cause, OSError) and cause.strerror:
        return cause.strerror[:1].lower() + cause.strerror[1:]
    return found or _NAMES.get(name, name)
