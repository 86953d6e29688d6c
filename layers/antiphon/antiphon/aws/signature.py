"""AWS Signature Version 4 of a request.

Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """An access key, with the session token that temporary ones have."""

    access_key: str
    secret_key: str
    token: str | None = None


class Scope(NamedTuple):
    """The service and region that a signature is valid for, on the day of signing."""

    region: str
    service: str


def sign(
    credentials: Credentials,
    scope: Scope,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    *,
    method: str = "POST",
    query: str = "",
) -> dict[str, str]:
    """Return the headers of a request with the time, the token and the signature over all of them and the body.

    Args:
        credentials: whose signature it is.
        scope: what it is valid for.
        path: where the request goes, as it is sent; all services but S3 sign it encoded once more.
        headers: the request's, ``host`` among them, by their names in lower case.
        body: the request's.
        now: the time, in Unix seconds; AWS refuses one that is minutes off.
        method: the request's, in capitals.
        query: what follows the path's ``?``, as it is sent.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed = {**headers, "x-amz-date": moment}
    if credentials.token is not None:
        signed["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(signed))
    lines = [f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)]
    request = "\n".join((method, quote(path, "/~"), _canonical(query), *lines, "", names, sha256(body).hexdigest()))
    where = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = "\n".join((_ALGORITHM, moment, where, sha256(request.encode()).hexdigest()))
    signature = _hmac(_key(credentials.secret_key, moment[:8], scope), text).hex()
    proof = f"{_ALGORITHM} Credential={credentials.access_key}/{where}, SignedHeaders={names}, Signature={signature}"
    return signed | {"authorization": proof}


def _canonical(query: str) -> str:
    pairs = (quote(name, "~") + "=" + quote(value, "~") for name, value in parse_qsl(query, keep_blank_values=True))
    return "&".join(sorted(pairs))


@lru_cache(maxsize=4)
def _key(secret_key: str, day: str, scope: Scope) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for text in (day, *scope, "aws4_request"):
        key = _hmac(key, text)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
