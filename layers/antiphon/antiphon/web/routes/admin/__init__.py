"""/v1/admin: the operations of ``manage`` over HTTP, a module for each kind of record."""

from antiphon.web.routes.admin import agents, approvals, keys, me, people, responses, tenant, usage

routers = [module.router for module in (me, agents, keys, people, responses, approvals, tenant, usage)]
"""All of them; an app serves all or none."""
