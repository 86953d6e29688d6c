"""What the audit log does not show of a record: secrets, and all of a long text.

A module of its own, because a process that changes nothing need not load it.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

Document = dict[str, Any]

HIDDEN: Final = "[hidden]"
"""Stands in the place of what may be a secret."""

LONGEST: Final = 1000
"""The longest value that is shown whole, in characters of JSON; of a longer one its size and digest are kept."""

_SECRET_NAME: Final = re.compile(
    r"secret|token|passw|authorization|credential|api[-_]?key|private[-_]?key|cookie", re.IGNORECASE
)
_REFERENCE_NAME: Final = re.compile(
    r"(?:^|_)(?:env|field|type|kind|header|scopes?|audience|region|service)$", re.IGNORECASE
)
"""In what holds credentials, the fields that name a place and hold no secret."""
_SECRET_TEXT: Final = re.compile(
    r"\b(?:(?:apm?|sk|pk|rk|gh[pousr]|xox[a-z]|whsec)[-_]|AKIA|ASIA|eyJ)[-\w.+/=]{16,}"
    r"|(?<=://)[^/\s@]+:[^/\s@]+(?=@)"
    r"|(?i:(?<=bearer )|(?<=basic ))[-\w.~+/=]{8,}"
)
_SECRET_QUERY: Final = re.compile(
    r"(?<=[?&])([-\w.]*(?:key|token|secret|passw\w*|sig|signature|credentials?)=)[^&\s]+", re.IGNORECASE
)
"""What a URL's query often holds: a signature is as good as a secret."""
_ARN: Final = re.compile(r"arn:aws[\w-]*:[\w:/.+=@-]+")


def without_secrets(value: Any, name: str = "", *, guarded: bool = False) -> Any:
    """Return a JSON value without what may be a secret: by the name of its field, or by its form.

    Records hold references to secrets, such as ARNs, and no secrets. This holds back one that was written in the wrong
    place.

    Args:
        value: the value.
        name: of its field.
        guarded: it is a part of ``auth``, where only references are shown.
    """
    if isinstance(value, dict):
        return {key: without_secrets(part, key, guarded=guarded or key == "auth") for key, part in value.items()}
    if isinstance(value, list):
        return [without_secrets(part, name, guarded=guarded) for part in value]
    if not isinstance(value, str):
        return value
    may_be_one = guarded or _SECRET_NAME.search(name)
    if may_be_one and not _REFERENCE_NAME.search(name) and not _ARN.fullmatch(value):
        return HIDDEN
    return _SECRET_QUERY.sub(rf"\1{HIDDEN}", _SECRET_TEXT.sub(HIDDEN, value))


def shown(document: Document) -> Document:
    """Return a document without secrets, of which every field is short enough to be kept for years."""
    return {name: _short(without_secrets(value, name, guarded=name == "auth")) for name, value in document.items()}


def _short(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST:
        return value
    return {"characters": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest(), "begins": text[:200]}
