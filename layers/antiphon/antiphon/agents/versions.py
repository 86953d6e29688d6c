"""The versions of an agent: what makes a new one, and what identifies its content. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Final

from antiphon.errors import AlreadyExists
from antiphon.records import Agent, dump

KEPT_VERSIONS: Final = 50
"""How many former versions of an agent are kept; an older one is removed when another is added."""

RESTORABLE_DAYS: Final = 30
"""How long a deleted agent can be restored."""


def digest(agent: Agent) -> str:
    """Return the SHA-256 of an agent's content, hexadecimal: the same in every deployment and for every author."""
    plain = replace(agent, tenant="", id="", author="", created_at=0, updated_at=0, version=1)
    document = json.dumps(json.loads(dump(plain)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()


def next_version(stored: Agent, wanted: Agent) -> Agent | None:
    """Return what is stored in the place of an agent: its next version; None if its content is the same.

    The author and the time of creation stay.
    """
    kept = replace(wanted, author=stored.author, created_at=stored.created_at, version=stored.version)
    if replace(kept, updated_at=stored.updated_at) == stored:
        return None
    return replace(kept, version=stored.version + 1)


def require_same(stored: Agent, wanted: Agent) -> None:
    """Check that an agent that was to be new is what is stored: an earlier try stored it, and its answer was lost.

    Raises:
        AlreadyExists: somebody else made another one.
    """
    if stored.author != wanted.author or next_version(stored, wanted) is not None:
        raise AlreadyExists("there is such an agent")
