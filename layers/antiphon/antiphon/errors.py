"""The errors: one class for each cause, and the table of the codes that a caller may see.

``web.errors`` turns them into bodies.

    AntiphonError
      ApiError              the request cannot be served; carries the public code, message and parameter
      StorageUnavailable    a store did not answer, or throttled; the caller sees 503
      AlreadyExists         a conditional put found something there
      SlotTaken             another turn claimed this place in the conversation first
      Superseded            a commit lost: the response was already ended by somebody else
      ChainTooLarge         a conversation is longer than one request may read
      ProviderError         the model's side failed; carries a code, never the provider's text
      FetchError            a URL that a caller chose may not be opened, or gave nothing usable
      SettingsError         the environment is not usable; names the variable, never its value
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from antiphon.records import StoredResponse

INVALID_REQUEST: Final = "invalid_request"
NOT_FOUND: Final = "not_found"
MODEL_ERROR: Final = "model_error"
SERVER_ERROR: Final = "server_error"
TOO_MANY_REQUESTS: Final = "too_many_requests"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One public error code: its HTTP status, the specification's error type, what it means and what to do.

    Attributes:
        retry_after: the seconds after which the same request may succeed, or None if it cannot. An error may have a
            better figure.
    """

    status: int
    type: str
    meaning: str
    remedy: str
    retry_after: int | None = None

    @property
    def message(self) -> str:
        """The message of an error of which no more is known."""
        return f"{self.meaning} {self.remedy}"


CODES: Final[dict[str, ErrorCode]] = {
    # who
    "missing_api_key": ErrorCode(
        401, INVALID_REQUEST, "No key was sent.", "Send the header `Authorization: Bearer KEY`."
    ),
    "invalid_api_key": ErrorCode(
        401,
        INVALID_REQUEST,
        "The key is malformed or unknown.",
        "Check the key for typing errors, or ask for a new one.",
    ),
    "key_revoked": ErrorCode(401, INVALID_REQUEST, "The key was revoked.", "Ask for a new key."),
    "key_expired": ErrorCode(401, INVALID_REQUEST, "The key has expired.", "Ask for a new key."),
    "origin_not_allowed": ErrorCode(
        403,
        INVALID_REQUEST,
        "Pages of this origin may not call this service from a browser.",
        "Ask the operator to add the origin to `ANTIPHON_ALLOWED_ORIGINS` (on AWS: `AllowedOrigins`).",
    ),
    "permission_denied": ErrorCode(
        403, INVALID_REQUEST, "Your role may not use the API.", "Ask an administrator for another role."
    ),
    "read_only_key": ErrorCode(
        403, INVALID_REQUEST, "This key may only read.", "Use a key that is not read-only, or ask for one."
    ),
    "model_not_found": ErrorCode(
        404, NOT_FOUND, "There is no such agent for this caller.", "List the agents you may use with `GET /v1/models`."
    ),
    "management_key": ErrorCode(
        403,
        INVALID_REQUEST,
        "This is a management key, which cannot call agents.",
        "Use an API key, which begins with `ap_`.",
    ),
    "agent_not_found": ErrorCode(
        404, NOT_FOUND, "There is no such agent for this caller.", "List the agents with `GET /v1/admin/agents`."
    ),
    "key_not_found": ErrorCode(
        404, NOT_FOUND, "There is no such key for this caller.", "List the keys with `GET /v1/admin/keys`."
    ),
    "user_not_found": ErrorCode(404, NOT_FOUND, "There is no such user.", "List the users, or create the user."),
    "role_not_found": ErrorCode(404, NOT_FOUND, "There is no such role.", "List the roles, or create the role."),
    "group_not_found": ErrorCode(404, NOT_FOUND, "There is no such group.", "List the groups, or create the group."),
    "grant_not_found": ErrorCode(
        404, NOT_FOUND, "This principal has no grant on the agent.", "List the grants on the agent."
    ),
    "version_not_found": ErrorCode(
        404, NOT_FOUND, "This version of the agent is not kept.", "List the versions of the agent."
    ),
    "webhook_not_found": ErrorCode(
        404, NOT_FOUND, "There is no such webhook.", "List the webhooks with `GET /v1/admin/webhooks`."
    ),
    "in_use": ErrorCode(
        409, INVALID_REQUEST, "Something else depends on this.", "Change what the message names first."
    ),
    "response_not_found": ErrorCode(
        404,
        NOT_FOUND,
        "There is no such response for this caller.",
        "Check the id. Responses expire and can be deleted.",
    ),
    "previous_response_not_found": ErrorCode(
        404,
        NOT_FOUND,
        "The response to continue, or an earlier turn of it, is gone.",
        "Start a new conversation, or send the earlier items as `input`.",
    ),
    "conversation_not_found": ErrorCode(
        404,
        NOT_FOUND,
        "There is no such conversation for this caller.",
        "Check the id. Conversations expire and can be deleted.",
    ),
    "item_not_found": ErrorCode(
        404,
        NOT_FOUND,
        "There is no such item in this conversation.",
        "Check the id. List the items with `GET /v1/conversations/{id}/items`.",
    ),
    "route_not_found": ErrorCode(404, NOT_FOUND, "There is no such path.", "See `/docs` for the routes."),
    "method_not_allowed": ErrorCode(
        405, INVALID_REQUEST, "The path does not take this method.", "See the `allow` header."
    ),
    "upgrade_required": ErrorCode(
        426,
        INVALID_REQUEST,
        "WebSockets are not served here.",
        "Send `POST /v1/responses` with `stream: true` instead.",
    ),
    "websocket_connection_limit_reached": ErrorCode(
        400,
        INVALID_REQUEST,
        "This WebSocket connection has lasted as long as one may.",
        "Open a new one; what is stored can be continued there.",
    ),
    # body
    "invalid_json": ErrorCode(400, INVALID_REQUEST, "The body is not JSON.", "Send one JSON object."),
    "json_too_deep": ErrorCode(400, INVALID_REQUEST, "The body is nested too deeply.", "Flatten it."),
    "invalid_number": ErrorCode(
        400,
        INVALID_REQUEST,
        "A number is not finite or too large.",
        "Send a number that a double can hold.",
    ),
    "invalid_unicode": ErrorCode(
        400, INVALID_REQUEST, "The text holds half of a surrogate pair or a forbidden character.", "Send valid Unicode."
    ),
    "invalid_encoding": ErrorCode(
        400, INVALID_REQUEST, "The body is not UTF-8.", "Encode it as UTF-8, without a byte order mark."
    ),
    "duplicate_key": ErrorCode(400, INVALID_REQUEST, "An object has the same key twice.", "Send each key once."),
    "unsupported_media_type": ErrorCode(
        415, INVALID_REQUEST, "The content type is not JSON.", "Send `content-type: application/json`."
    ),
    "unsupported_encoding": ErrorCode(
        415, INVALID_REQUEST, "The body is compressed.", "Send it without `content-encoding`."
    ),
    "request_too_large": ErrorCode(413, INVALID_REQUEST, "The body is over the limit.", "Send less, or use URLs."),
    "missing_required_parameter": ErrorCode(400, INVALID_REQUEST, "A required field is missing.", "Add it."),
    "invalid_type": ErrorCode(
        400, INVALID_REQUEST, "A field has the wrong type.", "Send the type that the message names."
    ),
    "invalid_value": ErrorCode(
        400, INVALID_REQUEST, "A field's value is not acceptable.", "Correct it; the message names what is wrong."
    ),
    "unknown_parameter": ErrorCode(400, INVALID_REQUEST, "There is no such field.", "Remove it."),
    "out_of_range": ErrorCode(
        400, INVALID_REQUEST, "A value or length is out of its range.", "Keep to the limit that the message names."
    ),
    "unsupported_value": ErrorCode(
        400, INVALID_REQUEST, "The value is not one of those known.", "Choose another value or another model."
    ),
    "unsupported_parameter": ErrorCode(
        400, INVALID_REQUEST, "The field is known, but cannot be served here.", "Leave it out."
    ),
    "tool_output_mismatch": ErrorCode(
        400,
        INVALID_REQUEST,
        "Function calls and their outputs do not pair up.",
        "Send exactly one output for each open call.",
    ),
    "context_length_exceeded": ErrorCode(
        400, INVALID_REQUEST, "The conversation is too long.", "Start a new one, or compact it."
    ),
    "invalid_encrypted_content": ErrorCode(
        400,
        INVALID_REQUEST,
        "The encrypted content cannot be opened here.",
        "Send it back unchanged and as the same user, or leave the item out.",
    ),
    # what URLs and data URLs hold
    "url_not_allowed": ErrorCode(
        400, INVALID_REQUEST, "This URL is not opened here.", "Use a public `https` URL, or send the content itself."
    ),
    "url_unreachable": ErrorCode(
        400,
        INVALID_REQUEST,
        "The URL gave nothing that can be used.",
        "Check that it answers 200 without a login, or send the content itself.",
    ),
    "invalid_image": ErrorCode(
        400, INVALID_REQUEST, "This is no image that can be read.", "Send PNG, JPEG, GIF or WebP, by URL or in base64."
    ),
    "image_too_large": ErrorCode(400, INVALID_REQUEST, "The image is over the limit.", "Send a smaller one."),
    "invalid_file": ErrorCode(
        400, INVALID_REQUEST, "This is no file that can be read.", "Send PDF, or text in UTF-8, by URL or in base64."
    ),
    "file_too_large": ErrorCode(400, INVALID_REQUEST, "The file is over the limit.", "Send a smaller one."),
    "response_ended": ErrorCode(
        400,
        INVALID_REQUEST,
        "The background response has ended, and cannot be cancelled.",
        "Read the response. One that was cancelled can be cancelled again.",
    ),
    "response_in_progress": ErrorCode(
        409, INVALID_REQUEST, "The response to continue is still running.", "Wait for the seconds in `retry-after`.", 2
    ),
    "approval_not_found": ErrorCode(
        404, NOT_FOUND, "There is no such approval.", "Use the `id` of an approval that was asked of you."
    ),
    "approval_decided": ErrorCode(
        409, INVALID_REQUEST, "This approval was decided before.", "Read it to see how; it cannot be changed."
    ),
    "approval_expired": ErrorCode(
        409, INVALID_REQUEST, "This approval has expired.", "Ask the agent again; it then asks for a new approval."
    ),
    "conversation_locked": ErrorCode(
        409,
        INVALID_REQUEST,
        "Another request is adding to this conversation.",
        "Wait for the seconds in `retry-after`.",
        2,
    ),
    "idempotency_in_progress": ErrorCode(
        409, INVALID_REQUEST, "The same request is still running.", "Wait for the seconds in `retry-after`.", 5
    ),
    "idempotency_key_reused": ErrorCode(
        422,
        INVALID_REQUEST,
        "The idempotency key was used before, with another body.",
        "Use a new key for each request, and the same one only to send it again.",
    ),
    "response_cancelled": ErrorCode(
        409, INVALID_REQUEST, "The response was cancelled.", "Create it again, if it is still wanted."
    ),
    # limits
    "rate_limit_exceeded": ErrorCode(
        429, TOO_MANY_REQUESTS, "Too many requests.", "Wait for the seconds in `retry-after`.", 1
    ),
    "too_many_queued": ErrorCode(
        429,
        TOO_MANY_REQUESTS,
        "Too many background responses of this user are queued or running.",
        "Wait until one has ended (try again after `retry-after`), or cancel one.",
        10,
    ),
    "insufficient_quota": ErrorCode(
        429,
        TOO_MANY_REQUESTS,
        "A budget of the user, the key or the agent is used up.",
        "Wait until it begins anew (`retry-after` has the seconds), or ask an administrator for more.",
    ),
    # provider
    "provider_auth": ErrorCode(
        500,
        SERVER_ERROR,
        "The model provider refused our credentials.",
        "The operator must correct the provider's key.",
    ),
    "provider_not_configured": ErrorCode(
        500, SERVER_ERROR, "The agent's provider is not set up here.", "The operator must configure it."
    ),
    "provider_model_not_found": ErrorCode(
        500,
        SERVER_ERROR,
        "The model provider has no such model for us.",
        "The operator must correct the agent's model.",
    ),
    "provider_rate_limited": ErrorCode(
        429, TOO_MANY_REQUESTS, "The model provider is limiting us.", "Wait for the seconds in `retry-after`.", 5
    ),
    "provider_timeout": ErrorCode(500, MODEL_ERROR, "The model did not answer in time.", "Try again.", 1),
    "provider_unreachable": ErrorCode(500, MODEL_ERROR, "The model provider cannot be reached.", "Try again.", 1),
    "provider_refused_request": ErrorCode(
        500, MODEL_ERROR, "The model provider refused the request.", "Check the agent's model and parameters."
    ),
    "model_error": ErrorCode(500, MODEL_ERROR, "The model failed.", "Try again.", 1),
    # platform
    "seal_not_configured": ErrorCode(
        500, SERVER_ERROR, "Nothing can be sealed or opened here.", "The operator must set `ANTIPHON_SEAL_KEYS`."
    ),
    "storage_unavailable": ErrorCode(
        503, SERVER_ERROR, "The store did not answer.", "Wait for the seconds in `retry-after`.", 1
    ),
    "worker_lost": ErrorCode(
        500, SERVER_ERROR, "The worker that ran this response was lost.", "Create the response again.", 1
    ),
    "deadline_exceeded": ErrorCode(500, SERVER_ERROR, "The run reached its time limit.", "Ask for less at once."),
    "shutting_down": ErrorCode(
        503, SERVER_ERROR, "The server stopped during the run.", "Create the response again.", 1
    ),
    "internal_error": ErrorCode(500, SERVER_ERROR, "Something failed here.", "Try again; quote the request id.", 1),
    "stream_invalid": ErrorCode(
        500, SERVER_ERROR, "The answer broke the grammar of streams.", "Report it with its id: it is a defect here."
    ),
}

_SAID: Final = frozenset({"invalid_type", "invalid_value", "out_of_range"})
"""Codes whose own messages name what to send."""


def trace(error: BaseException) -> str:
    """Name an error and where it was raised, without its message: that may quote what a user wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    path = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {path}"


class AntiphonError(Exception):
    """The base class of all errors that this package raises."""


class ApiError(AntiphonError):
    """The request cannot be served.

    Args:
        code: a key of ``CODES``; it fixes the status and the type.
        message: for the caller. It names the field and the limit, never the content. What to do is added from
            ``CODES``.
        param: the exact path of the field, such as ``input[3].type``.
        retry_after: the seconds after which a retry can help, if more is known than ``CODES`` has.
        headers: more response headers, such as ``allow``.
        complete: the message already ends with what to do.
        final: the same request should not be sent again automatically, whatever ``CODES`` has.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        param: str | None = None,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
        complete: bool = False,
        final: bool = False,
    ) -> None:
        info = CODES[code]
        self.code = code
        self.status = info.status
        self.type = info.type
        self.message = _complete(message, code) if message and not complete else message or info.message
        self.param = param
        after = info.retry_after if retry_after is None else retry_after
        self.retry_after = None if final else after
        self.headers = headers or {}
        super().__init__(self.message)


def _complete(message: str, code: str) -> str:
    """End a message with what to do, unless it does so already."""
    remedy = CODES[code].remedy
    return message if code in _SAID or message.endswith(remedy) else f"{message} {remedy}"


class StorageUnavailable(AntiphonError):
    """A store did not answer in time, or throttled."""


class AlreadyExists(AntiphonError):
    """A record with this identity is already stored."""


class SlotTaken(AntiphonError):
    """Another turn claimed the same place in the conversation first; claim again under a new id."""


class Superseded(AntiphonError):
    """A commit lost against an ending that was stored before.

    Attributes:
        winner: the response as it is stored, or None if it was deleted meanwhile.
    """

    def __init__(self, winner: StoredResponse | None) -> None:
        self.winner = winner
        super().__init__("the response was already ended")


class ChainTooLarge(AntiphonError):
    """The stored conversation is larger than one request may read."""


class ProviderError(AntiphonError):
    """The model's side failed.

    Args:
        code: a key of ``CODES``.
        retryable: whether the same call may succeed later; only meaningful before the first delta.
        retry_after: seconds, from the provider.
        facts: for the log: the status, and the provider's own type and code of the error. Never its words.
    """

    def __init__(
        self,
        code: str,
        *,
        retryable: bool = False,
        retry_after: int | None = None,
        facts: Mapping[str, str | int] | None = None,
    ) -> None:
        self.code = code
        self.facts = facts or {}
        self.retryable = retryable
        self.retry_after = retry_after
        super().__init__(CODES[code].meaning)


class FetchError(AntiphonError):
    """A URL that a caller chose may not be opened, or gave nothing that can be used.

    Args:
        reason: which of these; all that a caller learns.
    """

    def __init__(self, reason: Literal["not_allowed", "unreachable", "too_large"]) -> None:
        self.reason = reason
        super().__init__(reason)


class UnresolvedName(FetchError):
    """The host of a URL has no address. Who chose the URL learns only that it is not opened."""

    def __init__(self) -> None:
        super().__init__("not_allowed")


class SettingsError(AntiphonError):
    """The environment is not usable; the message names the variable and never its value."""
