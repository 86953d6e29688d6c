"""``/v1/admin/users/{id}/responses``: the responses of a user."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/users/{id}/responses", "GET"): operation(
        "adminListResponses",
        "List the responses of a user",
        "Lists them newest first, without their content.",
        "AdminResponseList",
        of="The user's id.",
        paged=True,
    ),
    ("/v1/admin/users/{id}/responses/{item_id}", "GET"): operation(
        "adminShowResponse",
        "Read a response without its content",
        "Returns times, tokens and the kinds of its items.",
        "AdminResponse",
        "response_not_found",
        of="The user's id.",
        item="The response's id.",
    ),
    ("/v1/admin/users/{id}/responses/{item_id}", "DELETE"): operation(
        "adminDeleteResponse",
        "Delete a response",
        "Deletes the response with its content. One that runs is cancelled first.",
        "AdminResponseDeleted",
        "response_not_found read_only_key",
        of="The user's id.",
        item="The response's id.",
    ),
    ("/v1/admin/users/{id}/responses/{item_id}/cancel", "POST"): operation(
        "adminCancelResponse",
        "End a running response",
        "A response that has ended is returned unchanged.",
        "AdminResponse",
        "response_not_found read_only_key",
        of="The user's id.",
        item="The response's id.",
    ),
    ("/v1/admin/users/{id}/responses/{item_id}/content", "GET"): operation(
        "adminReadContent",
        "Read the content of a response",
        "It takes the right `content:read`, and is recorded in the audit log.",
        "AdminContent",
        "response_not_found",
        of="The user's id.",
        item="The response's id.",
    ),
}
