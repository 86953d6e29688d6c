"""``/v1/admin/keys``: API keys and management keys."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/keys", "GET"): operation(
        "adminListKeys",
        "List keys",
        "Lists keys newest first, revoked and expired ones too.",
        "AdminKeyList",
        paged=True,
        user=({"type": "string"}, "Only the keys of this user."),
    ),
    ("/v1/admin/keys", "POST"): operation(
        "adminCreateKey",
        "Make a key",
        "Makes an API key, or with `management: true` a management key. The answer alone has the key itself.",
        "AdminNewKey",
        "read_only_key agent_not_found user_not_found role_not_found",
        body="KeyForm",
        example={"user": "ada", "name": "laptop"},
    ),
    ("/v1/admin/keys/{id}", "GET"): operation(
        "adminShowKey", "Read a key", "Returns the key's record.", "AdminKey", "key_not_found", of="The key's id."
    ),
    ("/v1/admin/keys/{id}/limits", "PUT"): operation(
        "adminLimitKey",
        "Set the limits of a key",
        "The key gets these limits in the place of its earlier ones; an empty object removes them. They count beside "
        "those of its user, and cannot raise them.",
        "AdminKey",
        "key_not_found",
        of="The key's id.",
        body="BudgetDocument",
        example={"tokens_per_day": 200_000, "usd_per_month": 5},
    ),
    ("/v1/admin/keys/{id}", "DELETE"): operation(
        "adminRevokeKey",
        "Revoke a key",
        "Ends the key. It stays listed. A function that has just read it may take it for up to a minute.",
        "AdminKey",
        "key_not_found read_only_key",
        of="The key's id.",
    ),
}
