"""``/v1/admin/tenant``: the limits of the tenant."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/tenant", "GET"): operation(
        "adminShowTenant", "Read your tenant", "Returns the tenant with its limits.", "AdminTenant"
    ),
    ("/v1/admin/tenant", "PUT"): operation(
        "adminPutTenant",
        "Change the limits of your tenant",
        "Without `limits` the tenant stays as it is; an empty object removes all limits.",
        "AdminTenant",
        body="TenantForm",
        example={"limits": {"retention_days": 7}},
    ),
}
