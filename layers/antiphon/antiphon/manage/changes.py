"""Entries of the audit log that the stores do not write with the change itself; see ``ports.audit``."""

from __future__ import annotations

from typing import Any

from antiphon.manage.operator import Operator
from antiphon.ports import Services

Document = dict[str, Any]
"""A record as it is shown; it never holds a secret."""


async def note(
    services: Services, operator: Operator, action: str, target: str, before: Document | None, after: Document | None
) -> None:
    """Add an entry to the audit log. This comes before the change, so that no change is without an entry.

    Args:
        services: the adapters.
        operator: who does it.
        action: what is done, such as ``response.deleted``.
        target: what it is done to, such as ``response:resp_0123``.
        before: as it was; None for what is new.
        after: as it will be; None for what is gone.
    """
    await services.audit.note(operator.tenant, operator.actor, action, target, before, after)
