"""The tenant and its limits."""

from __future__ import annotations

from dataclasses import replace

from antiphon.manage.changes import Document
from antiphon.manage.limits import LimitsDocument, check_providers, write_limits
from antiphon.manage.operator import Operator
from antiphon.ports import Services
from antiphon.records import Tenant


async def show_tenant(services: Services, operator: Operator) -> Document:
    """Return the operator's tenant; one that was never stored has no limits of its own."""
    operator.require("limits")
    return tenant_document(await services.directory.get_tenant(operator.tenant))


async def put_tenant(services: Services, operator: Operator, limits: LimitsDocument | None) -> Document:
    """Store the operator's tenant with other limits; None keeps those that it has."""
    operator.require("limits", write=True)
    stored = await services.directory.get_tenant(operator.tenant)
    changed = stored
    if limits is not None:
        check_providers(services, limits)
        changed = replace(stored, limits=limits.limits())
    await services.directory.put(changed, operator.actor)
    return tenant_document(changed)


def tenant_document(tenant: Tenant) -> Document:
    """Return a tenant as it is shown."""
    return {"id": tenant.id, "limits": write_limits(tenant.limits)}
