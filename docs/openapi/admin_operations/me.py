"""``/v1/admin/me``: who a key stands for, and what users manage of their own."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import DAYS, operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/me", "GET"): operation(
        "adminShowMe",
        "Read who your key stands for",
        "Returns the user, the role, the rights and the limits.",
        "AdminMe",
    ),
    ("/v1/admin/me/keys", "GET"): operation(
        "adminListMyKeys",
        "List your keys",
        "Lists the keys of the user whose API key is sent, newest first.",
        "AdminKeyList",
        paged=True,
    ),
    ("/v1/admin/me/keys", "POST"): operation(
        "adminCreateMyKey",
        "Make a key of your own",
        "Makes an API key. It may not do more, or last longer, than the key that it is made with.",
        "AdminNewKey",
        "read_only_key agent_not_found user_not_found role_not_found",
        body="KeyForm",
        example={"name": "laptop"},
    ),
    ("/v1/admin/me/keys/{id}", "DELETE"): operation(
        "adminRevokeMyKey",
        "Revoke a key of your own",
        "Ends the key. It stays listed.",
        "AdminKey",
        "key_not_found read_only_key",
        of="The key's id.",
    ),
    ("/v1/admin/me/usage", "GET"): operation(
        "adminShowMyUsage",
        "Read what you used",
        "Returns what the user of the API key used, in all and by day.",
        "AdminUsageDays",
        "unknown_parameter invalid_value",
        queried=DAYS,
    ),
    ("/v1/admin/me/limits", "GET"): operation(
        "adminShowMyLimits",
        "Read your limits",
        "Returns the limits of the user of the API key, and how much of them is used.",
        "AdminLimits",
    ),
    ("/v1/admin/me/responses", "GET"): operation(
        "adminListMyResponses", "List your responses", "Lists them newest first.", "AdminResponseList", paged=True
    ),
    ("/v1/admin/me/export", "GET"): operation(
        "adminExportMe",
        "Export what is stored about you",
        "Lists all that is stored about the user of the API key, which must not be limited to some agents. The audit "
        "log is left out.",
        "AdminExport",
        "role_not_found",
        paged=True,
    ),
}
