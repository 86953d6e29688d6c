"""The errors of operations that several of them raise."""

from __future__ import annotations

import re

from antiphon.access.grants import ID
from antiphon.errors import ApiError


class NotFound(ApiError):
    """There is no such record.

    Attributes:
        kind: ``agent``, ``key``, ``user``, ``role``, ``group``, ``grant``, ``version``, ``response`` or ``webhook``.
        id: what was asked for.
    """

    def __init__(self, kind: str, id: str, param: str | None = None) -> None:
        super().__init__(f"{kind}_not_found", param=param)
        self.kind = kind
        self.id = id


def refuse(message: str, param: str | None = None) -> ApiError:
    """Return the error of a change that would leave the records at odds: 409."""
    return ApiError("in_use", message, param=param, complete=True)


def check_id(kind: str, id: str) -> None:
    """Check an id of a tenant, user, group or role.

    Raises:
        ApiError: 400.
    """
    if not re.fullmatch(ID, id):
        form = "1 to 128 letters, digits and `._@+|-`, a letter or digit first"
        raise ApiError("invalid_value", f"This cannot be the id of a {kind}: {form}.", param="id", complete=True)
