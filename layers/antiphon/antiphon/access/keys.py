"""API keys: how one is made, and which strings can be one at all.

    ap_ + environment + _ + 43 random base62 characters (256 bits) + 6 characters of checksum
    apm_ ...                                                        the same, of a management key

The checksum lets us refuse a mistyped key without a look-up, and lets a secret scanner recognise a leaked one.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from antiphon.ids import Entropy, checksum, random_base62
from antiphon.records import Budget, Key

SECRET_LENGTH: Final = 43
_KEY: Final = re.compile(rf"((apm?)_[a-z0-9]{{1,16}}_[0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{6}})")
_CALLS: Final = "ap"
_MANAGES: Final = "apm"


def make_key(environment: str, entropy: Entropy) -> str:
    """Draw a new key for an environment such as ``prod``."""
    return _made(_CALLS, environment, entropy)


def make_management_key(environment: str, entropy: Entropy) -> str:
    """Draw a new management key for an environment such as ``prod``."""
    return _made(_MANAGES, environment, entropy)


def is_key(text: str) -> bool:
    """Return whether a string has a key's form and checksum, of either kind."""
    match = _KEY.fullmatch(text)
    return match is not None and checksum(match[1]) == match[3]


def is_management_key(text: str) -> bool:
    """Return whether a string has the form and checksum of a management key."""
    return is_key(text) and text.startswith(f"{_MANAGES}_")


def _made(kind: str, environment: str, entropy: Entropy) -> str:
    body = f"{kind}_{environment}_{random_base62(entropy, SECRET_LENGTH)}"
    return body + checksum(body)


def digest(key: str) -> str:
    """Return the SHA-256 of a key, hexadecimal. Nothing else of it is stored. 256 random bits need no salt."""
    return hashlib.sha256(key.encode()).hexdigest()


def record(
    key: str,
    *,
    tenant: str,
    user: str,
    now: int,
    name: str = "",
    expires_at: int | None = None,
    agents: tuple[str, ...] | None = None,
    read_only: bool = False,
    management: bool = False,
    budget: Budget | None = None,
) -> Key:
    """Make the record of a new key; times in seconds since the epoch."""
    hashed = digest(key)
    return Key(
        digest=hashed,
        id="key_" + hashed[:16],
        tenant=tenant,
        user=user,
        prefix=key[: key.rindex("_") + 5],
        name=name,
        created_at=now,
        expires_at=expires_at,
        agents=agents,
        read_only=read_only,
        management=management,
        budget=budget or Budget(),
    )
