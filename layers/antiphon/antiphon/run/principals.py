"""The principal of work that continues without its request: as it is now, not as it was then."""

from __future__ import annotations

from typing import Any

from antiphon.access import decide
from antiphon.access.configuration import deployment_limits
from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Owner


async def principal_of(services: Services, owner: Owner, job: dict[str, Any]) -> Principal:
    """Return who asked.

    Args:
        services: the adapters.
        owner: whose response it is.
        job: as in ``StoredResponse.job``.

    Raises:
        ApiError: 401 or 403: the key or its user is gone, or may not be used any more.
    """
    account = await services.directory.account(owner.tenant, owner.user)
    if account is None:
        raise ApiError("permission_denied")
    key = await services.keys.get(job["key_digest"])
    if key is None or Owner(key.tenant, key.user) != owner:
        raise ApiError("invalid_api_key")
    state = decide.key_state(key, services.clock())
    if not state.allowed:
        raise ApiError(state.code or "invalid_api_key")
    principal = Principal.from_account(account, key, deployment_limits(services.settings))
    decision = decide.may_use(principal, write=True)
    if not decision.allowed:
        raise ApiError(decision.code or "permission_denied")
    return principal
