"""The folder of the local server, for its owner alone: database, key, seal keys, ``providers.json``; who uses it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from antiphon.errors import SettingsError
from antiphon.settings import Settings, read_settings

DEFAULT: Final = ".antiphon"
"""Where the folder is, unless ``ANTIPHON_STATE`` names another place."""

PRIVATE: Final = 0o700

DATABASE: Final = "antiphon.db"
ASIDE: Final = ".before-restore"
"""Ends the name of a database that a restore set aside; a number and the endings of its logs may follow."""

KEY: Final = "key"
URL: Final = "url"
"""The file with the base URL of the server that uses the folder, and that began last."""

PROVIDERS: Final = "providers.json"
LAMBDA: Final = "lambda"
"""The folder of `make lambda`, which does not use the database."""

LOCK: Final = "running"
TOOL_HOSTS: Final = "tool-hosts"
"""The file with the hosts that tools may call, unless ``ANTIPHON_TOOL_HOSTS`` names them."""

VARIABLE: Final = "ANTIPHON_PROVIDERS"
HOSTS_VARIABLE: Final = "ANTIPHON_TOOL_HOSTS"


def folder(environ: Mapping[str, str]) -> Path:
    """Return the folder."""
    return Path(environ.get("ANTIPHON_STATE") or DEFAULT)


def make_private(state: Path) -> None:
    """Make a folder that only its owner can enter. One of another name that exists keeps its mode."""
    state.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    if state.name == DEFAULT:
        state.chmod(PRIVATE)


def settings_of(environ: Mapping[str, str], state: Path) -> Settings:
    """Read the settings. Providers and hosts of tools that no variable sets come from files in the folder.

    Raises:
        SettingsError: a variable or the file is malformed; the message names the one that is.
    """
    file, hosts = state / PROVIDERS, state / TOOL_HOSTS
    if not environ.get(HOSTS_VARIABLE) and hosts.is_file():
        environ = {**environ, HOSTS_VARIABLE: hosts.read_text(encoding="utf-8").strip()}
    if environ.get(VARIABLE) or not file.is_file():
        return read_settings(environ)
    try:
        return read_settings({**environ, VARIABLE: file.read_text(encoding="utf-8")})
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: not UTF-8 text") from None
    except SettingsError as error:
        raise SettingsError(str(error).replace(f"{VARIABLE}.", f"{file}: ").replace(VARIABLE, str(file))) from None


def variables_of(environ: Mapping[str, str], state: Path) -> dict[str, str]:
    """Return the variables that a process elsewhere needs for the same providers: their settings and keys.

    Raises:
        SettingsError: a variable or ``providers.json`` is malformed.
    """
    file = state / PROVIDERS
    text = environ.get(VARIABLE) or (file.read_text(encoding="utf-8") if file.is_file() else "")
    if not text:
        return {}
    settings = settings_of({"ANTIPHON_DATABASE": DATABASE, VARIABLE: environ.get(VARIABLE, "")}, state)
    names = {endpoint.api_key_env for endpoint in settings.providers.values() if endpoint.api_key_env}
    return {VARIABLE: text, **{name: environ[name] for name in sorted(names) if environ.get(name)}}


@contextmanager
def serving(state: Path, base_url: str) -> Iterator[None]:
    """Keep the base URL of a server in the folder while the context lasts, so that the command line finds it."""
    file = state / URL
    file.write_text(f"{base_url}\n", encoding="utf-8")
    try:
        yield
    finally:
        if _text(file) == base_url:
            file.unlink(missing_ok=True)


def base_url_of(environ: Mapping[str, str]) -> str:
    """Return the base URL of the local server: on ``PORT``, else of the one that runs, else where one would run."""
    port = environ.get("PORT")
    running = "" if port else _text(folder(environ) / URL)
    return running or f"http://127.0.0.1:{port or 8000}/v1"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


@contextmanager
def in_use(state: Path) -> Iterator[bool]:
    """Mark the folder as used by a server while the context lasts; several servers may use it.

    Yields whether no other server used it when this one began.
    """
    make_private(state)
    with (state / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            first = False
        else:
            first = True
        fcntl.flock(file, fcntl.LOCK_SH)
        yield first


@contextmanager
def alone(state: Path) -> Iterator[bool]:
    """Keep servers out of the folder while the context lasts; yields False if one is using it."""
    if not state.is_dir():
        yield True
        return
    with (state / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
