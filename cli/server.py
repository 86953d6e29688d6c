"""Find the server that a command calls over HTTP, and the key for it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from antiphon.errors import SettingsError
from cli.output import Refused
from cli.unanswered import reason
from local.state import KEY, base_url_of, folder

URLS: Final = ("ANTIPHON_BASE_URL", "OPENAI_BASE_URL")
"""The variables that may hold the base URL; the second is the one that OpenAI's clients read."""

KEYS: Final = ("ANTIPHON_API_KEY", "OPENAI_API_KEY")
"""The variables that may hold the key; the second is the one that OpenAI's clients read."""

LOCAL: Final = "the local server"

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class CalledServer:
    """A server.

    Attributes:
        base_url: up to and with ``/v1``, without a slash at the end.
        key: sent as ``Authorization: Bearer``.
        why: why it is this one; empty if an option named it.
    """

    base_url: str
    key: str
    why: str = ""

    def unanswered(self, error: Exception) -> str:
        """Return the message for a request that got no answer."""
        next_step = "start it with `make run`, or name another with --url" if self.why == LOCAL else reason(error)
        return f"{self.base_url} does not answer: {next_step}"


def find_server(args: Namespace, environ: Mapping[str, str]) -> CalledServer:
    """Find the server. ``--url`` or ``--stack`` comes first, then the environment, then the local server.

    Raises:
        SettingsError: both options are set.
        Refused: the URL is none, the stack has no URL, or there is no key.
    """
    if args.url and args.stack:
        raise SettingsError("name one of --url and --stack")
    url, why = _url(args, environ)
    base_url = check_url(url)
    return CalledServer(base_url, args.key or _key(base_url, environ), why)


def check_url(url: str) -> str:
    """Return a base URL without a slash at its end.

    Raises:
        Refused: it is no URL of a server.
    """
    if not url.startswith(("http://", "https://")):
        raise Refused("the URL must begin with http:// or https://, as in http://127.0.0.1:8000/v1")
    return url.rstrip("/")


def _url(args: Namespace, environ: Mapping[str, str]) -> tuple[str, str]:
    if args.url:
        return args.url, ""
    if args.stack:
        from cli.target import find, use_region  # noqa: PLC0415 (slow to import, and only a stack needs it)

        use_region(args, environ)
        api_url = find(args, environ).api_url
        if api_url is None:
            raise Refused(f"stack {args.stack} has no output ApiUrl: name the server with --url")
        return f"{api_url}/v1", ""
    named = next((name for name in URLS if environ.get(name)), None)
    if named:
        return environ[named], named
    return base_url_of(environ), LOCAL


def _key(base_url: str, environ: Mapping[str, str]) -> str:
    """Return the key of the environment; for a server on this machine, that of the local server's folder.

    Raises:
        Refused: there is none.
    """
    ours, openais = (environ.get(name, "") for name in KEYS)
    local = _local_key(folder(environ) / KEY) if urlsplit(base_url).hostname in _LOOPBACK else ""
    key = ours or local or openais
    if not key:
        raise Refused(f"the API key is missing: pass it with --key, or in {KEYS[0]}")
    return key


def _local_key(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
