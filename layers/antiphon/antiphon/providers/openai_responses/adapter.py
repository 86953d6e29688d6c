"""Streams from a Responses endpoint over HTTP.

It must not know wire events of ours, agents or stores.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import urlsplit

import orjson

from antiphon.ports import Clock, Delta, ModelCall, Reads
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.endpoint import IDLE_SECONDS, Endpoint
from antiphon.providers.families import family_of
from antiphon.providers.openai_responses.deltas import EventReader, is_too_long
from antiphon.providers.openai_responses.request import KIND, responses_request
from antiphon.providers.require import require
from antiphon.providers.tokens import estimate_tokens

BASE_URL: Final = "https://api.openai.com/v1"


class OpenAIResponses:
    """A ``ModelProvider`` for any endpoint that speaks the Responses protocol.

    Args:
        base_url: where it is, up to and without ``/responses``.
        api_key: sent as a bearer token; None for none.
        dialect: a server whose models can be asked less, by its name in the capabilities; None decides by host.
        idle_seconds: the longest silence of the endpoint.
        clock: to read a ``retry-after`` that is a date.
    """

    def __init__(
        self,
        base_url: str = BASE_URL,
        api_key: str | None = None,
        *,
        dialect: str | None = None,
        idle_seconds: float = IDLE_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        self._host = dialect or urlsplit(base_url).hostname or ""
        headers = {"authorization": f"Bearer {api_key}"} if api_key is not None else {}
        url = base_url.rstrip("/") + "/responses"
        self._endpoint = Endpoint(url, headers, EventReader, is_too_long, idle_seconds=idle_seconds, clock=clock)

    @property
    def reads(self) -> Reads:
        """What some model of the protocol can be given; ``check`` knows the call's own."""
        return family_of(KIND, "").capabilities.reads

    def capabilities(self, model: str) -> Capabilities:
        """What a model can be asked."""
        return family_of(KIND, model, self._host).capabilities

    def check(self, call: ModelCall) -> None:
        """Refuse a call that the model cannot be asked.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """
        can = self.capabilities(call.model)
        require(can, call)
        responses_request(call, can)

    def count_tokens(self, call: ModelCall) -> int:
        """Estimate; see ``tokens``."""
        return estimate_tokens(call, reasoning=True)

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: the endpoint refused, failed, fell silent, or cut or garbled its stream.
            ApiError: the call would not have passed ``check``; nothing is sent.
        """
        body = responses_request(call, self.capabilities(call.model))
        return self._endpoint.stream(orjson.dumps(body), call.deadline)

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._endpoint.aclose()
