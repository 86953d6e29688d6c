"""What operations are given: the bodies of requests, which the command line makes of its arguments."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from antiphon.access.grants import read_level
from antiphon.access.rights import RIGHTS
from antiphon.access.roles import PERMISSIONS
from antiphon.manage.budgets import BudgetDocument
from antiphon.manage.limits import LimitsDocument
from antiphon.spec.base import Wire

FAR: Final = 2**34
"""The year 2514; any time before it can be shown."""

Label = Annotated[str, Field(max_length=256)]
Id = Annotated[str, Field(max_length=128)]


class KeyForm(Wire):
    """A key to make.

    Attributes:
        user: whose key it is; the caller's own without it.
        expires_at: seconds since the epoch; never without it.
        agents: the agents it is limited to; all of its user's without it.
        management: it manages, and cannot call agents.
        limits: what may be used with it.
    """

    user: Id | None = None
    name: Label = ""
    expires_at: Annotated[int, Field(ge=0, lt=FAR)] | None = None
    agents: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = None
    read_only: bool = False
    management: bool = False
    limits: BudgetDocument = Field(default_factory=BudgetDocument)


class UserForm(Wire):
    """A user to create or change; what is absent stays as it is, or is the default for a new one."""

    name: Label | None = None
    role: Id | None = None
    groups: Annotated[list[Id], Field(max_length=100)] | None = None


class EraseForm(Wire):
    """What to do with the agents of a user who is erased. If neither field is set, a user with agents is not erased.

    Attributes:
        agents: they are deleted for good.
        agents_to: the user who gets them.
    """

    agents: Literal["delete"] | None = None
    agents_to: Id | None = None


class RoleForm(Wire):
    """A role to create or change; what is absent stays as it is.

    Attributes:
        permissions: all that it holds, of ``USE``, ``CREATE``, ``SHARE`` and ``SHARE_PUBLIC``.
        manage: all rights that it holds, such as ``keys:read``.
    """

    permissions: list[str] | None = None
    manage: list[str] | None = None
    limits: LimitsDocument | None = None

    @field_validator("permissions")
    @classmethod
    def _permissions(cls, names: list[str] | None) -> list[str] | None:
        return _known(names, PERMISSIONS)

    @field_validator("manage")
    @classmethod
    def _rights(cls, names: list[str] | None) -> list[str] | None:
        return _known(names, RIGHTS)


class GroupForm(Wire):
    """A group to create or rename."""

    name: Label | None = None


class WebhookForm(Wire):
    """A webhook to make.

    Attributes:
        url: where events are sent.
        event_types: the types of events that are sent; all without it.
    """

    url: Annotated[str, Field(max_length=2048)]
    event_types: Annotated[list[str], Field(max_length=100)] | None = None
    name: Label = ""


class SecretForm(Wire):
    """How the secret of a webhook is changed.

    Attributes:
        keep_old: the secret before goes on signing for 24 hours.
    """

    keep_old: bool = False


class TenantForm(Wire):
    """The tenant; without limits it stays as it is."""

    limits: LimitsDocument | None = None


class RollbackForm(Wire):
    """The version whose content an agent is to have again."""

    version: Annotated[int, Field(ge=1, lt=2**31)]


class GrantForm(Wire):
    """A grant: ``viewer``, ``editor``, ``owner``, or a sum of VIEW 1, EDIT 2, DELETE 4 and SHARE 8."""

    level: str | int

    @field_validator("level")
    @classmethod
    def _level(cls, level: str | int) -> str | int:
        read_level(str(level))
        return level

    @property
    def bits(self) -> int:
        """The bits."""
        return read_level(str(self.level))


def _known(names: list[str] | None, known: tuple[str, ...]) -> list[str] | None:
    if names and not set(names) <= set(known):
        raise ValueError(f"each must be one of {', '.join(known)}")
    return names
