"""What every ``ModelProvider`` over HTTP does alike; a protocol adds how a call is said, and how its answer is read.

It must not know any protocol.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from antiphon.ports import ModelCall
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.endpoint import Endpoint
from antiphon.providers.require import require
from antiphon.providers.tokens import estimate_tokens


class HttpProvider(ABC):
    """A ``ModelProvider`` but for its ``reads`` and its ``stream``.

    Args:
        endpoint: where its models are.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @abstractmethod
    def capabilities(self, model: str) -> Capabilities:
        """What a model can be asked."""

    @abstractmethod
    def _body(self, call: ModelCall) -> dict[str, Any]:
        """Say a call in the protocol's words.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """

    def check(self, call: ModelCall) -> None:
        """Refuse a call that the model cannot be asked.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """
        require(self.capabilities(call.model), call)
        self._body(call)

    def count_tokens(self, call: ModelCall) -> int:
        """Estimate; see ``tokens``."""
        return estimate_tokens(call, reasoning=True)

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._endpoint.aclose()
