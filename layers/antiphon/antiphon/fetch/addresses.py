"""Which URLs, hosts and addresses may be opened for a caller. Pure: nothing is resolved or connected here.

Where two readers of a URL could disagree, the stricter reading holds: the URL is read once, by the library that
connects, and what can be read in two ways is refused. The networks are those of IANA's special-purpose registries for
IPv4 and IPv6 (RFC 6890): those that ``ipaddress`` has, and the list here.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from yarl import URL

from antiphon.errors import FetchError

MAX_URL: Final = 8192
"""The longest URL, in characters; a signed one may have some thousands."""

MAX_HOST: Final = 253

_PORTS: Final = {"https": 443, "http": 80}
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\]|^[^/]*//[^/?#]*@")
"""White space, a backslash, which some readers take for a slash, and credentials, even empty ones."""

_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_BRACKETED: Final = re.compile(r"[^/]*//[^/?#]*\[")
_NUMBER: Final = re.compile(r"(?:\d+|0x[0-9a-f]*)")
_LOCAL_NAME: Final = re.compile(r"[a-z0-9-]{1,63}")

_IPV6: Final = ipaddress.ip_network("2000::/3")
"""All global unicast addresses. Other forms that contain an IPv4 address (mapped, compatible, NAT64) lie outside."""

_REFUSED: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # shared by a carrier's customers
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read_url(text: str, *, http: bool, private: bool) -> URL:
    """Read a URL that a caller chose, and check all of it that can be checked without a network.

    Args:
        text: the URL.
        http: ``http`` is allowed beside ``https``.
        private: addresses, single-label names and ports of a private network are allowed.

    Raises:
        FetchError: it may not be opened.
    """
    if len(text) > MAX_URL or _FORBIDDEN.search(text):
        raise FetchError("not_allowed")
    try:
        url = URL(text)
        port, host = url.explicit_port, url.raw_host or ""
    except ValueError:
        raise FetchError("not_allowed") from None
    if url.scheme not in (("https", "http") if http else ("https",)):
        raise FetchError("not_allowed")
    if not private and port not in (None, *_PORTS.values()):
        raise FetchError("not_allowed")
    _require_host(host, private, bracketed=bool(_BRACKETED.match(text)))
    return url


def require_public(address: str, *, private: bool = False) -> Address:
    """Read an address that is about to be connected to, and require that it is a public one.

    Raises:
        FetchError: it is not, or it is no address.
    """
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        raise FetchError("not_allowed") from None
    if not private and not is_public(read):
        raise FetchError("not_allowed")
    return read


def is_public(address: Address) -> bool:
    """Whether an address belongs to one host of the public internet, and hides no other address."""
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id is not None or address not in _IPV6):
        return False
    if address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global:
        return False
    return not any(address.version == network.version and address in network for network in _REFUSED)


def _require_host(host: str, private: bool, *, bracketed: bool) -> None:
    """Require a plain name or a plain address, without a zone or numbers that some readers take for an address."""
    if not host or len(host) > MAX_HOST or "%" in host:
        raise FetchError("not_allowed")
    if bracketed or ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        require_public(host, private=private)
    elif not _NAME.fullmatch(host) and not (private and _LOCAL_NAME.fullmatch(host)):
        raise FetchError("not_allowed")
