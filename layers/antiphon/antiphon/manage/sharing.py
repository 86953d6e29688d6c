"""Who may pass a grant on. Pure."""

from __future__ import annotations

from antiphon.access.grants import OWNER
from antiphon.access.roles import SHARE, SHARE_PUBLIC
from antiphon.errors import ApiError
from antiphon.manage.operator import Operator
from antiphon.manage.refusals import refuse
from antiphon.records import PUBLIC, Grant


def check_authors_grant(grant: Grant, author: str) -> None:
    """Check that the author stays the owner.

    Raises:
        ApiError: the grant is the author's own and less than owner.
    """
    if grant.principal == f"user:{author}" and grant.bits != OWNER:
        raise refuse(
            f"User {author} is the author of agent {grant.agent} and stays its owner; delete the agent instead.",
            "principal",
        )


def check_sharing(operator: Operator, grant: Grant, author: str, held: int = OWNER) -> None:
    """Check that a user may give or take a grant: with SHARE to a user or group, with SHARE_PUBLIC to all others, too.

    Args:
        operator: who gives it; with a right to write agents they may anyway.
        grant: the grant.
        author: the agent's author, whose own grant is not to be asked for.
        held: the bits that the user holds on the agent: nobody gives more than they have.

    Raises:
        ApiError: 403.
    """
    if operator.principal is None or grant.principal == f"user:{author}":
        return
    wide = grant.principal == PUBLIC or grant.principal.startswith("role:")
    needed = SHARE_PUBLIC if wide else SHARE
    if needed not in operator.features:
        raise ApiError("permission_denied", f"To share with {grant.principal}, your role needs {needed}.")
    if grant.bits & ~held:
        raise ApiError("permission_denied", "You cannot give more than you have.", param="level")
