"""Where every change is noted, whichever way it came."""

from __future__ import annotations

import logging
from typing import Any, Final

from antiphon.manage.operator import Operator
from antiphon.ports import Services

Document = dict[str, Any]
"""A record as it is shown; it never holds a secret."""

audit: Final = logging.getLogger("antiphon.audit")


async def note(
    services: Services, operator: Operator, action: str, target: str, before: Document | None, after: Document | None
) -> None:
    """Note what was changed.

    Args:
        services: the adapters.
        operator: who changed it.
        action: what was done, such as ``keys.create``.
        target: what it was done to, such as ``key:key_0123``.
        before: as it was; None for what is new.
        after: as it is; None for what is gone.
    """
    actor = operator.actor
    audit.info("changed", extra={"action": action, "target": target, "user": actor.user, "key_id": actor.key_id})
    _ = services, before, after
