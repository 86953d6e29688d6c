"""Permission bits and the principals that hold them, after LibreChat's access control lists. Pure.

VIEW 1   list, retrieve and run      viewer 1
EDIT 2   change                      editor 3
DELETE 4 remove                      owner 15
SHARE 8  grant to others
"""

from __future__ import annotations

from typing import Final

from antiphon.records import PUBLIC, User

VIEW: Final = 1
EDIT: Final = 2
DELETE: Final = 4
SHARE: Final = 8
LEVELS: Final = {"viewer": VIEW, "editor": VIEW | EDIT, "owner": VIEW | EDIT | DELETE | SHARE}
OWNER: Final = LEVELS["owner"]

ID: Final = r"[A-Za-z0-9][A-Za-z0-9._@+|-]{0,127}"
"""The form of the id of a tenant, user, group or role: wide enough for mail addresses and OpenID subjects."""

PRINCIPAL: Final = rf"^(?:public|(?:user|group|role):{ID})$"
"""The form of a principal."""


def principals_of(user: User) -> tuple[str, ...]:
    """Return all principals that a user is: itself, its groups, its role, and the public."""
    return (f"user:{user.id}", *(f"group:{group}" for group in user.groups), f"role:{user.role}", PUBLIC)


def level_of(bits: int) -> str:
    """Name the level of some bits; the number itself if they are none of the levels."""
    return next((name for name, level in LEVELS.items() if level == bits), str(bits))


def read_level(text: str) -> int:
    """Read the bits that ``level_of`` wrote: a level's name, or a number from 1 to 15.

    Raises:
        ValueError: it is neither.
    """
    if text in LEVELS:
        return LEVELS[text]
    if text.isascii() and text.isdigit() and 1 <= int(text) <= OWNER:
        return int(text)
    raise ValueError(f"a level is viewer, editor, owner or a number from 1 to {OWNER}")
