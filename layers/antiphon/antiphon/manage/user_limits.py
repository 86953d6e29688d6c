"""The limits of one user: the last layer of the configuration, which can only narrow those before it."""

from __future__ import annotations

from dataclasses import replace

from antiphon.manage.changes import Document
from antiphon.manage.found import find
from antiphon.manage.limits import LimitsDocument, check_providers, write_limits
from antiphon.manage.operator import Operator
from antiphon.manage.people import require_over_user
from antiphon.ports import Services
from antiphon.records import User


async def show_user_limits(services: Services, operator: Operator, user: str) -> Document:
    """Return the limits of a user's own, without those of the deployment, the tenant and the role.

    Raises:
        NotFound: there is no such user.
    """
    operator.require("limits")
    return _document(await find(services, User, operator.tenant, user))


async def put_user_limits(services: Services, operator: Operator, user: str, limits: LimitsDocument) -> Document:
    """Set the limits of a user, in the place of the earlier ones of that user.

    Raises:
        NotFound: there is no such user.
        ApiError: 403, or there is no such provider.
    """
    operator.require("limits", write=True)
    stored = await find(services, User, operator.tenant, user)
    await require_over_user(services, operator, stored)
    check_providers(services, limits)
    changed = replace(stored, limits=limits.limits())
    await services.directory.put(changed, operator.actor)
    return _document(changed)


def _document(user: User) -> Document:
    return {"id": user.id, "limits": write_limits(user.limits)}
