"""What all providers over HTTP share. A protocol adds how a call is written, and how its answer is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from antiphon.ports import ModelCall, Reads
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.description import family_of
from antiphon.providers.endpoint import Endpoint
from antiphon.providers.require import require
from antiphon.providers.tokens import estimate_tokens


class HttpProvider(ABC):
    """A ``ModelProvider`` except for its ``stream``.

    Args:
        endpoint: where its models are.
        host: the endpoint's host, or the name of its dialect; empty if the protocol has only one endpoint.

    Attributes:
        kind: the protocol's name in the settings.
    """

    kind: ClassVar[str]

    def __init__(self, endpoint: Endpoint, host: str = "") -> None:
        self._endpoint = endpoint
        self._host = host

    def capabilities(self, model: str) -> Capabilities:
        """Return what a model supports."""
        return family_of(self.kind, model, self._host).capabilities

    def reads(self, model: str) -> Reads:
        """Return what a model reads besides text."""
        return self.capabilities(model).reads

    @abstractmethod
    def _body(self, call: ModelCall) -> dict[str, Any]:
        """Write a call as the protocol's request.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """

    def check(self, call: ModelCall) -> None:
        """Refuse a call that asks for what the model does not support.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """
        require(self.capabilities(call.model), call)
        self._body(call)

    def count_tokens(self, call: ModelCall) -> int:
        """Estimate; see ``tokens``."""
        return estimate_tokens(call, reasoning=True)

    async def discard(self, kept_id: str, deadline: float) -> None:
        """Do nothing: this protocol keeps no response."""
        del kept_id, deadline

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._endpoint.aclose()
