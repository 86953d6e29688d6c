"""Stream from a Chat Completions endpoint over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson

from antiphon.ports import ApiKey, Clock, Delta, Medium, ModelCall
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.endpoint import IDLE_SECONDS, Endpoint, url_of
from antiphon.providers.http import HttpProvider
from antiphon.providers.openai_chat.deltas import ChunkReader
from antiphon.providers.openai_chat.dialects import DIALECTS, dialect_of
from antiphon.providers.openai_chat.request import chat_request
from antiphon.providers.openai_errors import refusal_of
from antiphon.providers.tokens import estimate_tokens


class OpenAIChat(HttpProvider):
    """A ``ModelProvider`` for any endpoint of the Chat Completions protocol.

    Args:
        base_url: where it is, up to and without ``/chat/completions``.
        api_key: sent as a bearer token, or as the dialect has it; None for none.
        dialect: what the endpoint understands, by its name in ``DIALECTS``; None decides by the host.
        reasoning_content: it takes reasoning back.
        stream_options: it accepts the field.
        reads: what its models read in a message besides text. A text file is sent as text.
        idle_seconds: the longest silence of the endpoint.
        clock: to read a ``retry-after`` that is a date.
    """

    kind: ClassVar[str] = "openai_chat"

    def __init__(
        self,
        base_url: str,
        api_key: ApiKey | str | None = None,
        *,
        dialect: str | None = None,
        reasoning_content: bool = False,
        stream_options: bool = True,
        reads: Iterable[Medium] = ("image", "pdf"),
        idle_seconds: float = IDLE_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        self._dialect = dialect or dialect_of(base_url)
        self._reasoning = reasoning_content
        self._stream_options = stream_options
        self._media = frozenset(reads)
        header = DIALECTS[self._dialect].key
        super().__init__(
            Endpoint(
                url_of(base_url, "/chat/completions"),
                {},
                refusal_of,
                key=api_key,
                key_header=header,
                idle_seconds=idle_seconds,
                clock=clock,
            ),
            dialect or urlsplit(base_url).hostname or "",
        )

    def capabilities(self, model: str) -> Capabilities:
        """Return what a model supports, of what the endpoint reads."""
        return super().capabilities(model).reading(self._media)

    def count_tokens(self, call: ModelCall) -> int:
        """Estimate; see ``tokens``."""
        return estimate_tokens(call, reasoning=self._reasoning)

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: the endpoint refused, failed, fell silent, or cut or garbled its stream.
            ApiError: the call would not have passed ``check``; nothing is sent.
        """
        return self._endpoint.stream(orjson.dumps(self._body(call)), call.deadline, ChunkReader())

    def _body(self, call: ModelCall) -> dict[str, Any]:
        return chat_request(
            call,
            self.capabilities(call.model),
            self._dialect,
            reasoning=self._reasoning,
            stream_options=self._stream_options,
        )
