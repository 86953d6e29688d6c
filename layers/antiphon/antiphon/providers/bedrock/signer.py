"""Proves to Bedrock who asks: by a signature of IAM's, or by an API key of Bedrock's if the environment has one.

Slow work (finding or renewing credentials outside the environment, reading certificates, hashing a large body) is done
in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from antiphon.aws.caller import Caller, find_caller, find_endpoint
from antiphon.aws.endpoint import host_of
from antiphon.aws.signature import Scope, sign
from antiphon.aws.trust import named_bundle
from antiphon.errors import ProviderError
from antiphon.providers.endpoint import WHOLE_BYTES, Address, credentials

ENDPOINTS: Final = "bedrock-runtime"
"""What the service's endpoints are called."""
SIGNED_AS: Final = "bedrock"
"""What signatures call it."""
BEARER: Final = "AWS_BEARER_TOKEN_BEDROCK"
"""The variable with an API key of Bedrock's, which goes before all credentials, as AWS's SDKs have it."""

Proof = Callable[[str, dict[str, str], bytes], dict[str, str]]
"""A function that returns the headers of a request with its authorization, from its path, headers and body."""

_log: Final = logging.getLogger("antiphon.providers.bedrock")


class _Found(NamedTuple):
    url: str
    proof: Proof
    trust: ssl.SSLContext | bool
    blocks: bool


class Signer:
    """Signs requests.

    Args:
        region: where; None for the process's own region.
        endpoint_url: another endpoint than AWS's own.
    """

    def __init__(self, region: str | None, endpoint_url: str | None) -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._found: _Found | None = None

    async def sign(self, path: str, body: bytes, *, anew: bool = False) -> Address:
        """Return where a request goes, with its headers.

        Args:
            path: below the endpoint's own, as it is sent.
            body: the request's.
            anew: read the credentials again.

        Raises:
            ProviderError: there is no region, or there are no credentials.
        """
        if anew:
            self._found = None
        if self._found is None or self._found.blocks or len(body) > WHOLE_BYTES:
            return await asyncio.to_thread(self._sign, path, body)
        return self._sign(path, body)

    def _sign(self, path: str, body: bytes) -> Address:
        try:
            with self._lock:
                found = self._found = self._found or self._find()
            url = found.url.rstrip("/") + path
            headers = {"host": host_of(url), "content-type": "application/json"}
            return Address(url, found.proof(urlsplit(url).path, headers, body), found.trust)
        except Exception as error:  # noqa: BLE001 - botocore's ways of finding out have no common root of errors
            _log.error("AWS caller unknown", extra={"code": type(error).__name__})
            raise ProviderError("provider_auth") from None

    def _find(self) -> _Found:
        where = (ENDPOINTS, self._endpoint_url, os.environ, self._region)
        bundle = named_bundle(os.environ)
        trust = ssl.create_default_context(cafile=bundle) if bundle is not None else True
        key = os.environ.get(BEARER)
        if key:
            return _Found(find_endpoint(*where).url, lambda _path, headers, _: headers | credentials(key), trust, False)
        caller = find_caller(*where)
        return _Found(caller.place.url, _signature(caller), trust, caller.blocks)


def _signature(caller: Caller) -> Proof:
    scope = Scope(caller.place.region, SIGNED_AS)
    return lambda path, headers, body: sign(caller.credentials(), scope, path, headers, body, time.time())
