"""What the OpenAPI document has of ``/v1/admin``: plain data, a module for each area, as the routes are."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations import (
    agents,
    approvals,
    audit,
    keys,
    me,
    people,
    responses,
    tenant,
    usage,
    versions,
    webhooks,
)
from docs.openapi.operation import Operation

ADMIN: Final[dict[tuple[str, str], Operation]] = {
    **me.OPERATIONS,
    **agents.OPERATIONS,
    **versions.OPERATIONS,
    **keys.OPERATIONS,
    **people.OPERATIONS,
    **responses.OPERATIONS,
    **approvals.OPERATIONS,
    **usage.OPERATIONS,
    **tenant.OPERATIONS,
    **webhooks.OPERATIONS,
    **audit.OPERATIONS,
}
