"""/v1/admin: the operations of ``manage`` over HTTP, a module for each kind of record."""

from antiphon.web.routes.admin import (
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

_MODULES = (me, agents, versions, keys, people, responses, approvals, tenant, usage, webhooks, audit)

routers = [module.router for module in _MODULES]
"""All of them; an app serves all or none."""
