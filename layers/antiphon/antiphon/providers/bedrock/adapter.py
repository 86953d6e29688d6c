"""Streams from Amazon Bedrock with boto3.

It must not know wire events, agents or stores, and never retries: the run decides that. Who may call is IAM's to say:
the process's own role, no key. No text of the provider's is relayed, logged or chained to an error.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from antiphon.errors import ProviderError
from antiphon.ports import Delta, ModelCall, Reads
from antiphon.providers.bedrock.deltas import EventReader
from antiphon.providers.bedrock.messages import KIND
from antiphon.providers.bedrock.pump import Held, Pump
from antiphon.providers.bedrock.request import converse_request
from antiphon.providers.capabilities import Capabilities
from antiphon.providers.endpoint import by_status, seconds_of
from antiphon.providers.families import family_of
from antiphon.providers.require import require
from antiphon.providers.tokens import estimate_tokens

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
CONNECTIONS: Final = 256
"""The most that are kept for use again."""

_CODES: Final[dict[str, tuple[str, bool]]] = {
    "AccessDeniedException": ("provider_auth", False),
    "UnrecognizedClientException": ("provider_auth", False),
    "ExpiredTokenException": ("provider_auth", False),
    "ThrottlingException": ("provider_rate_limited", True),
    "ServiceQuotaExceededException": ("provider_rate_limited", True),
    "ModelTimeoutException": ("provider_timeout", True),
    "ModelNotReadyException": ("model_error", True),
    "ModelErrorException": ("model_error", True),
    "ModelStreamErrorException": ("model_error", True),
    "InternalServerException": ("model_error", True),
    "ServiceUnavailableException": ("model_error", True),
    "ResourceNotFoundException": ("provider_model_not_found", False),
    "ValidationException": ("provider_refused_request", False),
}
"""In a stream, the same names begin with a small letter."""

_NO_MODEL: Final = "model identifier is invalid"
_TOO_LONG: Final = ("too long", "maximum context length", "exceeds the maximum", "context window")
"""How models say it: the protocol has no code for it."""


class Bedrock:
    """A ``ModelProvider`` for the models of Amazon Bedrock.

    Args:
        region: where; None for the process's own region.
        endpoint_url: another endpoint than AWS's own, such as an interface endpoint's; None for AWS's own.
        guardrail: ``ID:VERSION`` of the guardrail that every call goes through; None for none.
        citations: ask for the places in documents that an answer rests on.
        idle_seconds: the longest silence of the endpoint.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        guardrail: str | None = None,
        citations: bool = False,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._guardrail = guardrail
        self._citations = citations
        self._idle = idle_seconds
        self._lock = threading.Lock()
        self._built: Any = None

    @property
    def reads(self) -> Reads:
        """What some model of the protocol can be given; ``check`` knows the call's own."""
        return family_of(KIND, "claude-").capabilities.reads

    def capabilities(self, model: str) -> Capabilities:
        """What a model can be asked."""
        return family_of(KIND, model).capabilities

    def check(self, call: ModelCall) -> None:
        """Refuse a call that the model cannot be asked.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """
        require(self.capabilities(call.model), call)
        self._arguments(call)

    def count_tokens(self, call: ModelCall) -> int:
        """Estimate; see ``tokens``."""
        return estimate_tokens(call, reasoning=True)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: Bedrock refused, failed, fell silent, or cut or garbled its stream.
            ApiError: the call would not have passed ``check``; nothing is sent.
        """
        arguments = self._arguments(call)
        if call.deadline <= asyncio.get_running_loop().time():
            raise ProviderError("provider_timeout", retryable=True)
        reader = EventReader(call.model)
        pump = Pump(lambda: self._client().converse_stream(**arguments)["stream"])
        try:
            while (event := await pump.next(call.deadline)) is not None:
                for delta in reader.read(event):
                    yield delta
            yield reader.stop()
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - boto3's, urllib3's and the parser's errors have no common root
            raise _failure(error) from None
        finally:
            pump.close()

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        client, self._built = self._built, None
        if client is not None:
            client.close()

    def _arguments(self, call: ModelCall) -> dict[str, Any]:
        can = self.capabilities(call.model)
        return converse_request(call, can, guardrail=self._guardrail, citations=self._citations)

    def _client(self) -> Any:
        """Give the client; made in the first call's thread, for it takes some tenths of a second."""
        with self._lock:
            if self._built is None:
                import boto3
                from botocore.config import Config

                config = Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=self._idle,
                    retries={"total_max_attempts": 1},
                    max_pool_connections=CONNECTIONS,
                )
                session = boto3.session.Session(region_name=self._region)
                self._built = session.client("bedrock-runtime", endpoint_url=self._endpoint_url, config=config)
                _hold(self._built)
            return self._built


def _hold(client: Any) -> None:
    """Make the client's connections such that a pump can end a wait on them, before the first of them is made."""
    pools = client._endpoint.http_session._pool_classes_by_scheme  # noqa: SLF001 - botocore has no public way to them
    for scheme, pool in pools.items():
        connection = type("HeldConnection", (Held, pool.ConnectionCls), {})
        pools[scheme] = type("HeldPool", (pool,), {"ConnectionCls": connection})


def _failure(error: Exception) -> ProviderError:
    from botocore import exceptions
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, exceptions.ClientError):
        return _refusal(error)
    if isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError):
        return ProviderError("provider_unreachable", retryable=True)
    if isinstance(error, TimeoutError | ReadTimeoutError | exceptions.ReadTimeoutError):
        return ProviderError("provider_timeout", retryable=True)
    if isinstance(
        error, exceptions.NoCredentialsError | exceptions.CredentialRetrievalError | exceptions.TokenRetrievalError
    ):
        return ProviderError("provider_auth")
    if isinstance(error, exceptions.ParamValidationError):
        return ProviderError("provider_refused_request")
    return ProviderError("model_error", retryable=True)


def _refusal(error: ClientError) -> ProviderError:
    """Tell what an error of the service means: by its name, or else by its status."""
    told, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    name, message = told.get("Code", ""), told.get("Message", "")
    name = name[:1].upper() + name[1:]
    if name == "ValidationException" and any(words in message for words in _TOO_LONG):
        return ProviderError("context_length_exceeded")
    if name == "ValidationException" and _NO_MODEL in message:
        return ProviderError("provider_model_not_found")
    code, retryable = _CODES.get(name) or by_status(answer.get("HTTPStatusCode") or HTTPStatus.INTERNAL_SERVER_ERROR)
    seconds = seconds_of(answer.get("HTTPHeaders", {}).get("retry-after"), time.time)
    return ProviderError(code, retryable=retryable, retry_after=seconds if retryable else None)
