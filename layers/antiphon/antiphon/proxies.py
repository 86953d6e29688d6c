"""The proxies that an environment names: ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``, in capitals or not.

Both clients of this process, that of the providers and that of DynamoDB, find their proxy here. A ``.netrc`` is never
read: its credentials would replace the key or the signature that a request carries.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from antiphon.errors import SettingsError

_PORTS: Final = {"http": 80, "https": 443}


class Proxy(NamedTuple):
    """A proxy.

    Attributes:
        scheme: ``http`` or ``https``: how the proxy itself is reached.
        host: its name or address.
        port: its port; 80 or 443 if the URL has none.
        user, password: what it asks for; empty for nothing.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def url(self) -> str:
        """Return its URL without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the header with user and password; nothing if it asks for none."""
        if not self.user:
            return {}
        return {"proxy-authorization": f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"}


def proxy_for(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for requests to a URL; None if they go there directly, as they do to ``http://localhost``.

    Raises:
        SettingsError: the variable holds no URL of an HTTP proxy.
    """
    parts = urlsplit(url)
    found = _named(parts.scheme, environ)
    if found is None or _is_here(parts) or _is_excepted(parts, environ):
        return None
    return _read(*found)


def check_proxies(environ: Mapping[str, str]) -> None:
    """Check the proxies that an environment names.

    Raises:
        SettingsError: one is no URL of an HTTP proxy.
    """
    for scheme in _PORTS:
        found = _named(scheme, environ)
        if found is not None:
            _read(*found)


def _named(scheme: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return next(((name, environ[name].strip()) for name in names if environ.get(name, "").strip()), None)


def _is_here(parts: SplitResult) -> bool:
    """Check for plain HTTP to this machine, where models are served: no proxy of a network can reach that."""
    host = parts.hostname or ""
    return parts.scheme == "http" and (host in {"localhost", "::1"} or host.startswith("127."))


def _is_excepted(parts: SplitResult, environ: Mapping[str, str]) -> bool:
    """Check for a host in ``NO_PROXY``: names with all that is below them, addresses, networks, or ``*`` for all."""
    names = (environ.get("no_proxy") or environ.get("NO_PROXY") or "").lower().split(",")
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    return any(_covers(name.strip(), host, port) for name in names)


def _covers(name: str, host: str, port: int) -> bool:
    if "/" in name:
        return _holds(name, host)
    wanted, colon, digits = name.rpartition(":")
    if colon and digits.isdecimal() and ":" not in wanted:
        return int(digits) == port and _covers(wanted, host, port)
    bare = name.removeprefix("*").removeprefix(".").strip("[]")
    return name == "*" or (bool(bare) and (host == bare or host.endswith(f".{bare}")))


def _holds(network: str, host: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _read(name: str, text: str) -> Proxy:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        usual = _PORTS[parts.scheme]
        port = parts.port or usual
    except (ValueError, KeyError):
        parts = None
    if parts is None or not parts.hostname:
        raise SettingsError(f"{name}: not the URL of a proxy: http:// or https://, a host and a port")
    return Proxy(parts.scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))
