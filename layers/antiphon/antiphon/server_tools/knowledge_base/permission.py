"""Which knowledge bases a deployment lets agents search."""

from __future__ import annotations

from fnmatch import fnmatchcase

from antiphon.settings import Settings


def is_allowed(base: str, settings: Settings) -> bool:
    """Check whether a knowledge base is listed, by its id or its ARN."""
    return any(fnmatchcase(base, _same_form(base, listed)) for listed in settings.knowledge_bases)


def _same_form(base: str, listed: str) -> str:
    return listed if base.startswith("arn:") else listed.rpartition("/")[2]
