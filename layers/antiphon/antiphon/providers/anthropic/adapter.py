"""Stream from a Messages endpoint over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import orjson

from antiphon.ports import ApiKey, Clock, Delta, ModelCall
from antiphon.providers.anthropic.deltas import MessagesReader, refusal_of
from antiphon.providers.anthropic.description import BASE_URL
from antiphon.providers.anthropic.request import messages_request
from antiphon.providers.endpoint import IDLE_SECONDS, Endpoint, url_of
from antiphon.providers.http import HttpProvider
from antiphon.providers.thinking import BINDING
from antiphon.providers.turns import maker_of

VERSION: Final = "2023-06-01"
"""The version of the protocol, as every request names it."""


class Anthropic(HttpProvider):
    """A ``ModelProvider`` for any endpoint of the Messages protocol.

    Args:
        base_url: where it is, up to and without ``/messages``.
        api_key: sent as ``x-api-key``; None for none.
        citations: ask for the places in documents that an answer rests on.
        idle_seconds: the longest silence of the endpoint.
        clock: to read a ``retry-after`` that is a date.
    """

    kind: ClassVar[str] = "anthropic"

    def __init__(
        self,
        base_url: str = BASE_URL,
        api_key: ApiKey | str | None = None,
        *,
        citations: bool = False,
        idle_seconds: float = IDLE_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        self._citations = citations
        super().__init__(
            Endpoint(
                url_of(base_url, "/messages"),
                {"anthropic-version": VERSION},
                refusal_of,
                key=api_key,
                key_header="x-api-key",
                idle_seconds=idle_seconds,
                clock=clock,
            ),
            urlsplit(base_url).hostname or "",
        )

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: the endpoint refused, failed, fell silent, or cut or garbled its stream.
            ApiError: the call would not have passed ``check``; nothing is sent.
        """
        body = self._body(call)
        bound = "block_binding" in (body.get("thinking") or {})
        headers = {"anthropic-beta": BINDING} if bound else None
        return self._endpoint.stream(orjson.dumps(body), call.deadline, MessagesReader(self._maker(call)), headers)

    def _body(self, call: ModelCall) -> dict[str, Any]:
        return messages_request(call, self.capabilities(call.model), self._maker(call), citations=self._citations)

    def _maker(self, call: ModelCall) -> str:
        return maker_of(call.model, self._host)
