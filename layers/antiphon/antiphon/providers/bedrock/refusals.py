"""What an error of Bedrock means, before a stream or in it.

Pure: no text of the provider's goes on from here. Sources: AWS's API reference of Bedrock, "ConverseStream", "Errors",
and the protocol of its errors ("AWS restJson1 protocol", "Operation error serialization").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from antiphon.providers.endpoint import Refusal
from antiphon.providers.wording import is_context_overflow

_CODES: Final[dict[str, Refusal]] = {
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

_NO_MODEL: Final = re.compile("model identifier is invalid|on-demand throughput isn.t supported", re.IGNORECASE)
"""The model does not exist, or has to be asked by an inference profile. The apostrophe is straight or curly."""

_VAGUE: Final = ("ValidationException", "ModelErrorException", "ModelStreamErrorException")
"""The errors of a context that is too long; the protocol has no code for that."""

_ENDS: Final = re.compile("[:,]")
"""Behind a name there may be an address, or further names."""


def error_of(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Read an error before a stream: its name is a header, or else in the body, where its message is.

    Raises:
        TypeError: its name is no text.
    """
    told = _read(body)
    name = headers.get("x-amzn-errortype") or told.get("code") or told.get("__type") or ""
    name = _ENDS.split(name, 1)[0].rpartition("#")[2]
    return {"type": name, "message": told.get("message") or told.get("Message") or ""}


def exception_of(name: str, message: str, payload: bytes) -> dict[str, Any]:
    """Read an exception or an error in a stream."""
    return {"type": name[:1].upper() + name[1:], "message": message or _read(payload).get("message") or ""}


def refusal_of(error: dict[str, Any]) -> Refusal | None:
    """Return what an error means; None if its name is not known."""
    name, message = error["type"], str(error["message"])
    if name in _VAGUE and is_context_overflow(message):
        return "context_length_exceeded", False
    if name == "ValidationException" and _NO_MODEL.search(message):
        return "provider_model_not_found", False
    return _CODES.get(name)


def _read(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
