"""Which error codes each kind of operation may have."""

from __future__ import annotations

from typing import Final

from antiphon.errors import CODES

UNROUTED: Final = frozenset({"route_not_found", "method_not_allowed", "upgrade_required"})
"""Codes that belong to no operation."""

LATER: Final = frozenset({"worker_lost", "websocket_connection_limit_reached", "response_ended"})
"""Codes that no creation is refused with: they are in a stored response, or come over a WebSocket or from a cancel."""

KEYED: Final = frozenset(
    {
        "missing_api_key",
        "invalid_api_key",
        "key_revoked",
        "key_expired",
        "permission_denied",
        "management_key",
        "storage_unavailable",
        "internal_error",
    }
)
"""Codes of every operation that needs a key."""

RUNNING: Final = frozenset(
    {
        "response_cancelled",
        "provider_auth",
        "provider_rate_limited",
        "provider_timeout",
        "provider_refused_request",
        "model_error",
        "deadline_exceeded",
        "shutting_down",
        "stream_invalid",
        "idempotency_in_progress",
        "idempotency_key_reused",
    }
)
"""Codes of a run, and of one that is asked for again."""

MANAGING: Final = frozenset(
    {
        "agent_not_found",
        "key_not_found",
        "user_not_found",
        "role_not_found",
        "group_not_found",
        "grant_not_found",
        "webhook_not_found",
        "in_use",
    }
)
"""Codes of /v1/admin alone."""

APPROVING: Final = frozenset({"approval_not_found", "approval_decided", "approval_expired"})
"""Codes of a decision on a call that waits for an approval."""

CREATING: Final = frozenset(CODES) - UNROUTED - LATER - MANAGING - {"item_not_found"}
CHAINED: Final = frozenset(
    {
        "previous_response_not_found",
        "response_in_progress",
        "invalid_encrypted_content",
        "conversation_not_found",
        "conversation_locked",
        *APPROVING,
    }
)
"""Codes of a request that continues a response or a conversation, or sends items back."""

PREPARING: Final = CREATING - RUNNING - APPROVING - {"conversation_locked", "too_many_queued"}
"""Codes of what goes as far as a run, and no further."""

QUERIED: Final = frozenset({"unknown_parameter", "invalid_value", "invalid_type", "out_of_range", "unsupported_value"})
"""Codes of every operation that takes query parameters."""

HELD: Final = frozenset({"conversation_not_found"})
"""Codes of every operation on a conversation."""

BODY: Final = QUERIED | {
    "read_only_key",
    "invalid_json",
    "json_too_deep",
    "invalid_number",
    "invalid_unicode",
    "invalid_encoding",
    "duplicate_key",
    "unsupported_media_type",
    "unsupported_encoding",
    "request_too_large",
    "missing_required_parameter",
}
"""Codes of every operation that takes a body."""

ADDED: Final = KEYED | BODY | {"response_not_found", "invalid_encrypted_content", "seal_not_configured"}
"""Codes of what is added to a conversation."""
