"""Which keys a key can make, see and revoke: none that may do more than itself. Pure."""

from __future__ import annotations

from antiphon.errors import ApiError
from antiphon.manage.forms import KeyForm
from antiphon.manage.operator import Operator
from antiphon.records import NO_BUDGET, Key


def exists_for(operator: Operator, key: Key) -> bool:
    """Return whether an operator may see a key.

    With an API key, users see only keys of their own: no management key, and none for agents that the key in use is not
    for. A key with limits sees only itself. Expiry does not matter, so a user can revoke a leaked key with any
    other of their keys.
    """
    used = operator.key
    if operator.principal is None or used is None:
        return True
    if key.user != operator.principal.user:
        return False
    if key.id == used.id:
        return True
    return not key.management and used.budget == NO_BUDGET and _are_within(key.agents, used.agents)


def require_within(operator: Operator, form: KeyForm) -> None:
    """Check that a key is for no more agents, and lasts no longer, than the key that it is made with.

    Raises:
        ApiError: 403.
    """
    used = operator.key
    if used is None:
        return
    if not _are_within(form.agents, used.agents):
        raise ApiError("permission_denied", "Your key is limited to some agents: name some of them.", param="agents")
    if used.expires_at is not None and (form.expires_at is None or form.expires_at > used.expires_at):
        raise ApiError(
            "permission_denied", "Your key expires, and no key made with it may last longer.", param="expires_at"
        )


def require_makes_keys(operator: Operator, form: KeyForm) -> None:
    """Check that a user makes keys of their own with the key that they use.

    Raises:
        ApiError: 403.
    """
    used = operator.key
    if used is None or used.read_only:
        raise ApiError("read_only_key")
    if form.management:
        raise ApiError("permission_denied", "A management key is made by an administrator.", param="management")
    if used.budget != NO_BUDGET:
        raise ApiError("permission_denied", "Your key has limits, and no other can be made with it.")


def _are_within(agents: list[str] | tuple[str, ...] | None, others: tuple[str, ...] | None) -> bool:
    """Return whether a key for some agents is for no others; None is for all."""
    return others is None or (agents is not None and set(agents) <= set(others))
