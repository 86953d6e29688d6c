"""Stream from a Responses endpoint over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

import orjson

from antiphon.ports import ApiKey, Clock, Delta, ModelCall
from antiphon.providers.endpoint import IDLE_SECONDS, Endpoint, url_of
from antiphon.providers.http import HttpProvider
from antiphon.providers.openai_errors import refusal_of
from antiphon.providers.openai_responses.deltas import ResponsesReader
from antiphon.providers.openai_responses.description import BASE_URL
from antiphon.providers.openai_responses.request import KIND, responses_request
from antiphon.providers.turns import maker_of

_AZURE: Final = r"\.azure\.com$|^azure$"


class OpenAIResponses(HttpProvider):
    """A ``ModelProvider`` for any endpoint of the Responses protocol.

    Args:
        base_url: where it is, up to and without ``/responses``.
        api_key: sent as a bearer token, to Azure as ``api-key``; None for none.
        dialect: a server whose models support less, by its name in the description; None decides by host.
        stream_options: it accepts the field.
        background: it can run a response in the background, and keep it.
        idle_seconds: the longest silence of the endpoint.
        clock: to read a ``retry-after`` that is a date.
    """

    kind: ClassVar[str] = KIND

    def __init__(
        self,
        base_url: str = BASE_URL,
        api_key: ApiKey | str | None = None,
        *,
        dialect: str | None = None,
        stream_options: bool = True,
        background: bool = False,
        idle_seconds: float = IDLE_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        host = dialect or urlsplit(base_url).hostname or ""
        self._stream_options = stream_options
        self._background = background
        self._base_url = base_url
        header = "api-key" if re.search(_AZURE, host) else "authorization"
        super().__init__(
            Endpoint(
                url_of(base_url, "/responses"),
                {},
                refusal_of,
                key=api_key,
                key_header=header,
                idle_seconds=idle_seconds,
                clock=clock,
            ),
            host,
        )

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: the endpoint refused, failed, fell silent, or cut or garbled its stream.
            ApiError: the call would not have passed ``check``; nothing is sent.
        """
        reader = ResponsesReader(self._maker(call), kept=self._is_kept(call))
        if call.resumed:
            return self._endpoint.stream(b"", call.deadline, reader, url=self._url(call.resumed, query="stream=true"))
        return self._endpoint.stream(orjson.dumps(self._body(call)), call.deadline, reader)

    async def discard(self, kept_id: str, deadline: float) -> None:
        """Stop and forget a response that was kept; see ``ModelProvider.discard``."""
        await self._endpoint.send("POST", self._url(kept_id, "/cancel"), deadline)
        await self._endpoint.send("DELETE", self._url(kept_id), deadline)

    def _is_kept(self, call: ModelCall) -> bool:
        return self._background and call.kept

    def _url(self, kept_id: str, rest: str = "", query: str = "") -> str:
        url = url_of(self._base_url, f"/responses/{quote(kept_id, safe='')}{rest}")
        return f"{url}{'&' if '?' in url else '?'}{query}" if query else url

    def _body(self, call: ModelCall) -> dict[str, Any]:
        can, maker = self.capabilities(call.model), self._maker(call)
        kept = self._is_kept(call)
        return responses_request(call, can, maker, stream_options=self._stream_options, background=kept)

    def _maker(self, call: ModelCall) -> str:
        return maker_of(call.model, self._host)
