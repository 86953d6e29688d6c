"""Seal content that clients keep: they can send it back, but not read it, change it or use it as somebody else.

    sealed := base64url(version, nonce, AES-256-GCM(zlib(content)))

Each binding (what for, whose) has a key of its own, derived from the deployment's by HMAC-SHA256 (NIST SP 800-108,
counter mode with one block), so random nonces stay far below the 2**32 of one key (NIST SP 800-38D, 8.3). All content
that cannot be opened gets the same answer, without a reason.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from antiphon.errors import ApiError, ProviderError, SettingsError

KEY_BYTES: Final = 32
"""The least length of a key."""

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class Binding(NamedTuple):
    """What a sealed content is for, and whose it is. It opens for nothing and nobody else."""

    purpose: str
    tenant: str
    user: str


class Seal:
    """Seals and opens.

    Args:
        keys: of at least 32 random bytes each, newest first: the first one seals, all open.
        entropy: returns random bytes, for nonces.

    Raises:
        ValueError: there is no key, or one is too short.
    """

    def __init__(self, keys: Sequence[bytes], entropy: Callable[[int], bytes]) -> None:
        if not keys or min(map(len, keys)) < KEY_BYTES:
            raise ValueError("a key of at least 32 bytes is needed")
        self._keys = tuple(keys)
        self._entropy = entropy

    def seal(self, content: str, binding: Binding) -> str:
        """Seal a text. The result is different each time."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        about, nonce = _about(binding), self._entropy(_NONCE_BYTES)
        packed = zlib.compress(content.encode("utf-8", "surrogatepass"), 9)
        sealed = AESGCM(_derived(self._keys[0], about)).encrypt(nonce, packed, about)
        return base64.urlsafe_b64encode(_VERSION + nonce + sealed).decode()

    def open(self, sealed: str, binding: Binding, max_bytes: int) -> str | None:
        """Open what was sealed for this binding. Return None for anything else, and if it is over ``max_bytes``."""
        raw = _decode(sealed)
        if raw is None:
            return None
        packed = self._decrypt(raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :], _about(binding))
        if packed is None:
            return None
        inflater = zlib.decompressobj()
        content = inflater.decompress(packed, max_bytes)
        return content.decode("utf-8", "surrogatepass") if inflater.eof else None

    def _decrypt(self, nonce: bytes, sealed: bytes, about: bytes) -> bytes | None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        for key in self._keys:
            try:
                return AESGCM(_derived(key, about)).decrypt(nonce, sealed, about)
            except InvalidTag:
                continue
        return None


class Seals:
    """The seal of a process, made on its first use, and again when its keys change.

    Args:
        read: reads the keys as they are configured; may block. None if there are none.
        entropy: returns random bytes, for nonces.
    """

    def __init__(self, read: Callable[[], str] | None, entropy: Callable[[int], bytes]) -> None:
        self._read = read
        self._entropy = entropy
        self._text = ""
        self._seal: Seal | None = None

    def __call__(self) -> Seal:
        """Return the seal.

        Raises:
            ApiError: ``seal_not_configured``: there are no keys, or they cannot be read.
        """
        if self._read is None:
            raise ApiError("seal_not_configured")
        try:
            text = self._read()
            if self._seal is None or text != self._text:
                self._seal, self._text = Seal(read_keys(text), self._entropy), text
        except (ProviderError, ValueError):
            raise ApiError("seal_not_configured") from None
        return self._seal


def check_keys(text: str) -> None:
    """Check the keys of the environment.

    Raises:
        SettingsError: they are malformed.
    """
    try:
        read_keys(text)
    except ValueError:
        raise SettingsError("ANTIPHON_SEAL_KEYS: not base64 of at least 32 bytes each") from None


def read_keys(text: str) -> tuple[bytes, ...]:
    """Read keys as they are configured: base64, separated by commas, newest first.

    Raises:
        ValueError: a key is not base64, or too short.
    """
    keys = tuple(base64.b64decode(part.strip(), altchars=b"-_", validate=True) for part in text.split(","))
    if min(map(len, keys)) < KEY_BYTES:
        raise ValueError("a key is too short")
    return keys


def _about(binding: Binding) -> bytes:
    return json.dumps(["antiphon", *binding]).encode()


def _derived(key: bytes, about: bytes) -> bytes:
    return hmac.digest(key, b"\x00\x00\x00\x01" + about + b"\x00\x01\x00", hashlib.sha256)


def _decode(sealed: str) -> bytes | None:
    """Read base64url strictly: each content has one form only, so no character can be changed."""
    try:
        raw = base64.urlsafe_b64decode(sealed)
    except ValueError:
        return None
    long_enough = len(raw) > len(_VERSION) + _NONCE_BYTES + _TAG_BYTES
    same = base64.urlsafe_b64encode(raw) == sealed.encode("utf-8", "surrogatepass")
    return raw if long_enough and same and raw[:1] == _VERSION else None
