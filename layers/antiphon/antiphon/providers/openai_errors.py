"""What the errors of OpenAI's protocols mean, before a stream or in it.

Pure. Chat Completions, Responses and the servers that imitate them use the same errors.
Sources: OpenAI's "Error codes" and the error of its "Response object"; Azure's "Content filtering"; Groq's "API error
codes"; OpenRouter's "Errors"; llama.cpp's server.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.providers.endpoint import FILTERED, Refusal, by_status
from antiphon.providers.wording import is_context_overflow

_CODES: Final[dict[str, Refusal]] = {
    "server_error": ("model_error", True),
    "rate_limit_exceeded": ("provider_rate_limited", True),
    "insufficient_quota": ("provider_auth", False),
    "invalid_api_key": ("provider_auth", False),
    "model_not_found": ("provider_model_not_found", False),
    "vector_store_timeout": ("provider_timeout", True),
    "invalid_prompt": ("provider_refused_request", False),
    "data_residency_mismatch": ("provider_refused_request", False),
    **dict.fromkeys(("context_length_exceeded", "exceed_context_size_error"), ("context_length_exceeded", False)),
    **dict.fromkeys(("tool_use_failed", "json_validate_failed"), ("model_error", True)),  # Groq: what a model garbled
    **dict.fromkeys(
        ("content_filter", "bio_policy", "misalignment_policy_violation", "image_content_policy_violation"),
        (FILTERED, False),
    ),
    **dict.fromkeys(
        (
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "invalid_image_mode",
            "image_file_too_large",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
            "image_file_not_found",
        ),
        ("provider_refused_request", False),
    ),
}
"""By ``code``, or else by ``type``. Some endpoints send a status as the ``code``."""

_VAGUE: Final = ("provider_refused_request", "model_error")
"""What a message can make more precise."""

_STATUS_DIGITS: Final = 3


def refusal_of(error: dict[str, Any]) -> Refusal | None:
    """Return what an error means; None if that is not known."""
    if "flagged_input" in (error.get("metadata") or {}):  # OpenRouter's moderation
        return FILTERED, False
    known = _CODES.get(str(error.get("code"))) or _CODES.get(str(error.get("type"))) or _by_number(error.get("code"))
    if (known is None or known[0] in _VAGUE) and is_context_overflow(message_of(error)):
        return "context_length_exceeded", False
    return known


def message_of(error: dict[str, Any]) -> str:
    """Return all text of an error, to search it. OpenRouter has the provider's own message in another field."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{error.get('message') or error.get('detail') or ''} {raw or ''}"


def _by_number(code: object) -> Refusal | None:
    """Read a code that is a status of HTTP, as a number or its digits."""
    digits = str(code)
    return by_status(int(digits)) if len(digits) == _STATUS_DIGITS and digits.isdecimal() else None
