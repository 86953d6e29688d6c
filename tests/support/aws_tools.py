"""Tools that are AWS's: entries, and requests that must be those of boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.support.answering import Answering, Asked
from tests.support.pinned import PinnedTools, pinned

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:refund:live"
BASE = "arn:aws:bedrock:eu-central-1:123456789012:knowledge-base/ABCDEFGHIJ"
SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
REFUND = {"function": FUNCTION, "name": "refund", "description": "Refunds.", "parameters": SCHEMA}
ALLOWED: dict[str, Any] = {"tool_functions": (FUNCTION,), "knowledge_bases": (BASE,), "web_search": "on"}
SEARCHES = [({"knowledge_base": {"id": "ABCDEFGHIJ"}}, "search"), ({"web_search": {}}, "web_search")]
"""Entries of the two kinds that search, and the names of their tools."""

_HEADERS = ("x-amz-invocation-type", "x-amz-client-context", "x-amz-durable-execution-name")


@contextmanager
def serve_aws(patch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """Serve AWS: a server that notes what it is asked, and is the endpoint of all services of this process."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "HTTPS_PROXY", "HTTP_PROXY"):
        patch.delenv(name, raising=False)
    with Answering() as server:
        for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "eu-central-1"}.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_ENDPOINT_URL", server.url("").rstrip("/"))
        yield server


def boto(name: str, region: str = "eu-central-1") -> Any:
    """Return a client of boto3 that sends each request once."""
    return boto3.client(name, region_name=region, config=Config(retries={"total_max_attempts": 1}))


def same(ours: Asked, theirs: Asked) -> None:
    """Require that two requests are the same, but for the time and the order of JSON's fields."""
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert json.loads(ours.body) == json.loads(theirs.body)
    for name in _HEADERS:
        assert ours.headers.get(name) == theirs.headers.get(name)
    scopes = [_part(asked, "Credential").split("/")[2:] for asked in (ours, theirs)]
    assert scopes[0] == scopes[1]
    require_signed(ours)


def _part(asked: Asked, name: str) -> str:
    return asked.headers["authorization"].partition(f"{name}=")[2].partition(",")[0]


def require_signed(asked: Asked) -> None:
    """Require that a signature covers all that it must, and is the one that botocore makes."""
    names = _part(asked, "SignedHeaders").split(";")
    assert {"host", "content-type", *(name for name in asked.headers if name.startswith("x-amz-"))} == {*names}
    headers = {name: asked.headers[name] for name in names if name != "x-amz-date"}
    url = f"http://{asked.headers['host']}{asked.path}"
    request = AWSRequest(method=asked.method, url=url, data=asked.body, headers=headers)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    request.headers["X-Amz-Date"] = asked.headers["x-amz-date"]
    _, _, region, service, _ = _part(asked, "Credential").split("/")
    signer = SigV4Auth(Credentials("a", "b"), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert signer.signature(text, request) == _part(asked, "Signature")


async def tools(entry: Any, **settings: Any) -> PinnedTools:
    """Pin the tools of an entry in a deployment that allows them, but for other settings."""
    return await pinned(entry, **(ALLOWED | settings))
