"""The certificates that the environment names for calls of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_BUNDLES: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


def named_bundle(environ: Mapping[str, str]) -> str | None:
    """Return the file of certificates to trust instead of the usual ones, by the variables that botocore reads."""
    return next((environ[name] for name in _BUNDLES if environ.get(name)), None)
