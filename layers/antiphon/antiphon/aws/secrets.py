"""Keys from AWS Secrets Manager and SSM Parameter Store, through the parameters utility of Powertools for AWS Lambda.

    known, and fresh    given at once
    known, and old      read again: who asks waits a second at most, then has what was known
    unknown             read: who asks waits

A read blocks, so it runs in a thread of its own; all that wait meanwhile share it. The utility's own cache is not used:
it would drop a value before it has another one. A value is kept in memory alone; it never gets into a message, a log or
a repr.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, Final, Literal

from antiphon.errors import ProviderError
from antiphon.ports import Clock

MAX_AGE_SECONDS: Final = 300.0
"""How long a value is trusted."""
RETRY_SECONDS: Final = 30.0
"""How long the last known value is given without asking again, after it could not be read."""
RENEW_SECONDS: Final = 30.0
"""A value that was refused is read anew at most once in this time, so that a wrong one costs the store nothing."""
PATIENCE_SECONDS: Final = 1.0
"""How long to wait for a read if a value is known."""

_PASSING: Final = frozenset({"InternalServerError", "InternalServiceError", "ThrottlingException"})

_log: Final = logging.getLogger("antiphon.aws.secrets")


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value that AWS keeps.

    Attributes:
        kind: ``secret`` of Secrets Manager, or ``parameter`` of the Parameter Store.
        name: its name or ARN.
        asked_by: what needs it, for the log: a provider, a setting, or tools.
        field: the field with the value, if it is a JSON object; None for the whole text.
    """

    kind: Literal["secret", "parameter"]
    name: str
    asked_by: str
    field: str | None = None

    def read(self) -> str:
        """Read the value. It blocks: for some milliseconds, or until its time-outs.

        Raises:
            ProviderError: ``provider_auth``: it cannot be read, or is no text or empty. The log has the reason.
        """
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
        from botocore.exceptions import BotoCoreError

        try:
            text = _fetch(self)
        except (GetParameterError, BotoCoreError) as error:
            reason, passing = _reason(error)
            _log.error("%s %s of %s cannot be read: %s", self.kind, self.name, self.asked_by, reason)
            raise ProviderError("provider_auth", retryable=passing) from None
        value = _field(text, self.field)
        if not isinstance(value, str) or not value.strip():
            what = "is empty or binary" if self.field is None else f"has no text in its field {self.field}"
            _log.error("%s %s of %s %s", self.kind, self.name, self.asked_by, what)
            raise ProviderError("provider_auth")
        return value.strip()


def kept(kind: Literal["secret", "parameter"], name: str, field: str | None = None, *, asked_by: str) -> Secret:
    """Return a value that AWS keeps. Nothing is read yet."""
    return Secret(StoredValue(kind, name, asked_by, field).read)


class Secret:
    """A value that is read when it is first needed, and again every few minutes. It is an ``ApiKey``.

    Args:
        read: reads it; may block.
        clock: returns the time.
        patience: how long to wait for a read if a value is known, in seconds.
    """

    def __init__(
        self,
        read: Callable[[], str],
        *,
        clock: Clock = time.time,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._read = read
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._known: str | None = None
        self._fresh_until = 0.0
        self._renewable_from = 0.0
        self._reading: Future[str] | None = None

    async def get(self) -> str:
        """Return the value; the last known one if it cannot be read.

        Raises:
            ProviderError: ``provider_auth``: it cannot be read, and never was.
        """
        found = self._find()
        if isinstance(found, str):
            return found
        try:
            async with asyncio.timeout(self._limit()):
                return await asyncio.wrap_future(found)
        except (ProviderError, TimeoutError):
            if self._known is None:
                raise
            return self._known

    def value(self) -> str:
        """Return the value as ``get`` does, but block.

        Raises:
            ProviderError: ``provider_auth``: it cannot be read, and never was.
        """
        found = self._find()
        if isinstance(found, str):
            return found
        try:
            return found.result(self._limit())
        except (ProviderError, TimeoutError):
            if self._known is None:
                raise
            return self._known

    async def renewed(self, refused: str) -> str | None:
        """Return another value than the one that was refused; see ``ApiKey.renewed``."""
        reading = self._renew(refused)
        if reading is not None:
            with contextlib.suppress(ProviderError):
                await asyncio.wrap_future(reading)
        return self._known if self._known != refused else None

    def _limit(self) -> float | None:
        return None if self._known is None else self._patience

    def _find(self) -> str | Future[str]:
        with self._lock:
            if self._known is not None and self._clock() < self._fresh_until:
                return self._known
            return self._begin()

    def _renew(self, refused: str) -> Future[str] | None:
        with self._lock:
            if self._known != refused or self._reading is not None:
                return self._reading
            if self._clock() < self._renewable_from:
                return None
            self._renewable_from = self._clock() + RENEW_SECONDS
            return self._begin()

    def _begin(self) -> Future[str]:
        """Begin to read, unless that is under way; the lock is held."""
        if self._reading is None:
            self._reading = reading = Future[str]()
            reading.set_running_or_notify_cancel()  # whoever shares it may leave, and nobody can cancel it
            threading.Thread(target=self._settle, args=(reading,), name="secret", daemon=True).start()
        return self._reading

    def _settle(self, reading: Future[str]) -> None:
        try:
            value = self._read()
        except Exception as error:  # noqa: BLE001 - it is raised again where it is awaited
            self._note(None, RETRY_SECONDS)
            reading.set_exception(error)
        else:
            self._note(value, MAX_AGE_SECONDS)
            reading.set_result(value)

    def _note(self, value: str | None, seconds: float) -> None:
        with self._lock:
            self._known = self._known if value is None else value
            self._fresh_until = self._clock() + seconds
            self._reading = None


def _fetch(stored: StoredValue) -> Any:
    if stored.kind == "secret":
        return _secrets().get(stored.name, force_fetch=True)
    return _parameters().get(stored.name, decrypt=True, force_fetch=True)


def _field(text: Any, field: str | None) -> Any:
    """Return a field of what should be a JSON object; None if it is missing."""
    if field is None:
        return text
    try:
        held = json.loads(text)
    except (ValueError, TypeError):
        return None
    return held.get(field) if isinstance(held, dict) else None


def _reason(error: Exception) -> tuple[str, bool]:
    """Return what went wrong, in a word without any of the value, and whether trying again may help."""
    from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004 - botocore's own name

    cause = error.__cause__ or error.__context__ or error
    response: dict[str, Any] = getattr(cause, "response", {})
    code = str(response.get("Error", {}).get("Code") or type(cause).__name__)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    silent = isinstance(cause, ConnectionError | HTTPClientError)
    return code, silent or code in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR


@cache
def _secrets() -> Any:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    return SecretsProvider(boto_config=_limits())


@cache
def _parameters() -> Any:
    from aws_lambda_powertools.utilities.parameters import SSMProvider

    return SSMProvider(boto_config=_limits())


def _limits() -> Any:
    from botocore.config import Config

    return Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
