"""HTTP connections to one server, kept open: a thread takes one, sends a POST, and returns it.

``http.client`` is enough for this, and its import costs little. Nothing is retried here. Time-outs are short, and a
connection that the server has closed meanwhile is not used again.
"""

from __future__ import annotations

import importlib.util
import os
import select
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from antiphon.aws.endpoint import host_of
from antiphon.aws.trust import named_bundle
from antiphon.errors import SettingsError
from antiphon.proxies import Proxy, proxy_for

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0

NO_ANSWER: Final = (OSError, HTTPException)
"""What is raised if no answer came: no connection, a time-out, no trust, a broken answer."""


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: HTTPMessage
    body: bytes


class Connections:
    """All connections to one server.

    For ``https`` the environment may name a proxy (``HTTPS_PROXY``, ``NO_PROXY``) and certificates (``AWS_CA_BUNDLE``).

    Args:
        url: the server: scheme, host and port, and the path if it is not ``/``.

    Attributes:
        host: the server, as the header ``host`` names it.
        path: where requests go.

    Raises:
        SettingsError: the proxy's URL is malformed, or begins with ``https://``, which ``http.client`` cannot use.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._name, self._port = parts.hostname or "", parts.port
        self.host = host_of(url)
        self.path = parts.path or "/"
        self._tls = trust() if parts.scheme == "https" else None
        self._proxy = _proxy_to(url) if parts.scheme == "https" else None
        self._idle: list[HTTPConnection] = []

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a POST and read its answer.

        Raises:
            OSError, HTTPException: no answer came, or no whole one (``NO_ANSWER``).
        """
        connection = self._take()
        try:
            if connection.sock is None:
                _connect(connection)
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:  # else the server wanted it closed
            self._idle.append(connection)
        return Answer(answer.status, answer.headers, content)

    def close(self) -> None:
        """Close what is not in use."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> HTTPConnection:
        """Return the connection that was used last, if the server has not closed it; else a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._new()
            if not _has_input(connection.sock):
                return connection
            connection.close()

    def _new(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._name, self._port, timeout=CONNECT_SECONDS)
        if self._proxy is None:
            return HTTPSConnection(self._name, self._port, timeout=CONNECT_SECONDS, context=self._tls)
        proxy = self._proxy
        connection = HTTPSConnection(proxy.host, proxy.port, timeout=CONNECT_SECONDS, context=self._tls)
        connection.set_tunnel(self._name, self._port, proxy.headers)
        return connection


def _connect(connection: HTTPConnection) -> None:
    connection.connect()
    connection.sock.settimeout(READ_SECONDS)


def _has_input(connection: socket.socket) -> bool:
    """Check whether there is something to read: on an idle connection its end, or data that nobody asked for."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def trust() -> ssl.SSLContext:
    """Trust botocore's list of certificates, which is there wherever botocore is, unless another one is named."""
    return ssl.create_default_context(cafile=named_bundle(os.environ) or _botocores())


def _botocores() -> Path | None:
    found = importlib.util.find_spec("botocore")
    return Path(found.origin).with_name("cacert.pem") if found is not None and found.origin else None


def _proxy_to(url: str) -> Proxy | None:
    proxy = proxy_for(url, os.environ)
    if proxy is not None and proxy.scheme == "https":
        raise SettingsError("HTTPS_PROXY: begins with https://, and AWS is reached through http:// proxies only")
    return proxy
