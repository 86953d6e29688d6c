"""Stream from Amazon Bedrock over HTTP."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import quote

import orjson

from antiphon.ports import Clock, Delta, ModelCall
from antiphon.providers.bedrock.deltas import ConverseReader
from antiphon.providers.bedrock.messages import KIND
from antiphon.providers.bedrock.refusals import error_of, refusal_of
from antiphon.providers.bedrock.request import converse_request
from antiphon.providers.bedrock.signer import Signer
from antiphon.providers.endpoint import IDLE_SECONDS, Endpoint
from antiphon.providers.http import HttpProvider

EVENT_STREAM: Final = "application/vnd.amazon.eventstream"


class Bedrock(HttpProvider):
    """A ``ModelProvider`` for the models of Amazon Bedrock.

    Args:
        region: where; None for the process's own region.
        endpoint_url: another endpoint than AWS's own, such as an interface endpoint's; None for AWS's own.
        guardrail: ``ID:VERSION`` of the guardrail that every call goes through; None for none.
        citations: ask for the places in documents that an answer rests on.
        idle_seconds: the longest silence of the endpoint.
        clock: to read a ``retry-after`` that is a date.
    """

    kind: ClassVar[str] = KIND

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        guardrail: str | None = None,
        citations: bool = False,
        idle_seconds: float = IDLE_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        self._signer = Signer(region, endpoint_url)
        self._guardrail = guardrail
        self._citations = citations
        super().__init__(
            Endpoint(
                "", {"accept": EVENT_STREAM}, refusal_of, error_of=error_of, idle_seconds=idle_seconds, clock=clock
            )
        )

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: Bedrock refused, failed, fell silent, or cut or garbled its stream; or there are no
                credentials.
            ApiError: the call would not have passed ``check``; nothing is sent.
        """
        arguments = self._body(call)
        path = f"/model/{quote(arguments.pop('modelId'), safe='')}/converse-stream"
        body = orjson.dumps(arguments, default=_text_of)
        sign = partial(self._signer.sign, path, body)
        return self._endpoint.stream(body, call.deadline, ConverseReader(call.model), sign=sign)

    def _body(self, call: ModelCall) -> dict[str, Any]:
        can = self.capabilities(call.model)
        return converse_request(call, can, guardrail=self._guardrail, citations=self._citations)


def _text_of(blob: object) -> str:
    """Write bytes as the protocol does.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(blob, bytes):
        raise TypeError("neither JSON nor bytes")
    return base64.b64encode(blob).decode()
