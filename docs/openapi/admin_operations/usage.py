"""``/v1/admin/usage``: how much was used, and by whom."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import DAYS, operation
from docs.openapi.operation import Operation

_KINDS: Final = ["user", "key", "agent", "model"]

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/usage", "GET"): operation(
        "adminListUsage",
        "List who used how much",
        "Lists what users, keys, agents or models used in some days, by their ids. Days are those of UTC.",
        "AdminUsageList",
        "unsupported_value",
        paged=True,
        queried={
            "by": ({"type": "string", "enum": _KINDS, "default": "user"}, "Of what the ids are."),
            **DAYS,
        },
    ),
    ("/v1/admin/usage/days", "GET"): operation(
        "adminShowUsageDays",
        "Read what was used by day",
        "Returns what one user, key, agent or model used, in all and by day; without `by` and `of` the whole tenant. "
        "With an API key, its user may read their own use and that of their keys.",
        "AdminUsageDays",
        "unknown_parameter unsupported_value invalid_value missing_required_parameter key_not_found",
        queried={
            "by": ({"type": "string", "enum": _KINDS}, "Of what the id is."),
            "of": ({"type": "string"}, "The id; of a model `provider/model`."),
            **DAYS,
        },
    ),
    ("/v1/admin/usage/limits", "GET"): operation(
        "adminShowLimits",
        "Read limits and what is used of them",
        "Returns the limits of one user, key or agent, and how much of them is used. With an API key, its user may "
        "read their own limits and those of their keys.",
        "AdminLimits",
        "unknown_parameter unsupported_value invalid_value missing_required_parameter key_not_found user_not_found "
        "agent_not_found role_not_found",
        queried={
            "by": ({"type": "string", "enum": _KINDS[:3]}, "Of what the id is."),
            "of": ({"type": "string"}, "The id."),
        },
    ),
}
