"""Who may pass a grant on."""

from __future__ import annotations

from antiphon.access.grants import OWNER
from antiphon.access.roles import SHARE, SHARE_PUBLIC
from antiphon.errors import ApiError
from antiphon.manage.found import check_form, check_principal
from antiphon.manage.operator import Operator
from antiphon.manage.refusals import refuse
from antiphon.ports import Services
from antiphon.records import PUBLIC, Grant


async def check_sharing(services: Services, operator: Operator, grant: Grant, author: str, held: int) -> None:
    """Check that an operator may add or remove a grant.

    Permissions are checked before the principal is looked up, so a refusal does not show who exists.

    Args:
        services: the adapters.
        operator: who adds it; with the right to write agents they may add and remove all.
        grant: the grant; without bits it is removed.
        author: the agent's author, who stays its owner.
        held: the bits that the operator holds on the agent, who can add or remove no others.

    Raises:
        ApiError: 400, 403, 404 or 409.
    """
    check_form(grant.principal)
    is_limited = operator.principal is not None and grant.principal != f"user:{author}"
    if is_limited:
        _require_permission(operator, grant.principal)
    _check_authors_grant(grant, author)
    if grant.bits:
        await check_principal(services, grant.tenant, grant.principal)
    if is_limited and (grant.bits | await bits_of(services, grant)) & ~held:
        raise ApiError("permission_denied", "You cannot grant or remove more than you have.", param="level")


async def bits_of(services: Services, grant: Grant) -> int:
    """Read the bits that the principal of a grant holds now; 0 without one."""
    found = await services.directory.agent(grant.tenant, grant.agent, [grant.principal])
    return 0 if found is None else found[1]


async def bits_held(services: Services, operator: Operator, agent_id: str) -> int:
    """Read the bits that a user holds on an agent; an operator holds all."""
    if operator.principal is None:
        return OWNER
    found = await services.directory.agent(operator.tenant, agent_id, operator.principal.principals)
    return found[1] if found else 0


def _require_permission(operator: Operator, principal: str) -> None:
    wide = principal == PUBLIC or principal.startswith("role:")
    needed = SHARE_PUBLIC if wide else SHARE
    if needed not in operator.features:
        raise ApiError("permission_denied", f"To share with {principal}, your role needs {needed}.")


def _check_authors_grant(grant: Grant, author: str) -> None:
    if grant.principal == f"user:{author}" and grant.bits != OWNER:
        raise refuse(
            f"User {author} is the author of agent {grant.agent} and stays its owner; delete the agent instead.",
            "principal",
        )
