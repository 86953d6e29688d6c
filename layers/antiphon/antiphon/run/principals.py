"""Who asked for something that goes on without a request: as of now, not as of then."""

from __future__ import annotations

from typing import Any

from antiphon.access import decide
from antiphon.access.configuration import deployment_limits
from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Budget, Key, Owner


async def principal_of(services: Services, owner: Owner, job: dict[str, Any]) -> Principal:
    """Return who asked.

    Args:
        services: the adapters.
        owner: whose response it is.
        job: as in ``StoredResponse.job``.

    Raises:
        ApiError: 403: the user may not use the API any more, or is gone.
    """
    account = await services.directory.account(owner.tenant, owner.user)
    if account is None:
        raise ApiError("permission_denied")
    agents = job["key_agents"]
    key = Key(
        digest="",
        id=job["key_id"],
        tenant=owner.tenant,
        user=owner.user,
        prefix="",
        agents=None if agents is None else tuple(agents),
        budget=Budget(**job.get("key_budget", {})),
    )
    principal = Principal.from_account(account, key, deployment_limits(services.settings))
    decision = decide.may_use(principal, write=True)
    if not decision.allowed:
        raise ApiError(decision.code or "permission_denied")
    return principal
