"""Who asks: what a key stands for, and what it may."""

from __future__ import annotations

from antiphon.access.rights import in_order
from antiphon.access.roles import PERMISSIONS
from antiphon.manage.changes import Document
from antiphon.manage.limits import write_limits
from antiphon.manage.operator import Operator


def who(operator: Operator) -> Document:
    """Return who asks, with their permissions and rights, and the limits in force for a user."""
    principal = operator.principal
    return {
        "tenant": operator.tenant,
        "user": operator.actor.user,
        "role": operator.role or None,
        "key": operator.actor.key_id or None,
        "permissions": [name for name in PERMISSIONS if name in operator.features],
        "manage": in_order(operator.rights),
        "read_only": operator.key.read_only if operator.key else False,
        "limits": None if principal is None else write_limits(principal.limits),
    }
