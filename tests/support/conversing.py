"""Conversations as clients use them: begin, add, list, and what the model was sent."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.support.caller import Caller
from tests.support.schema import check
from tests.support.upstream import Upstream

Json = dict[str, Any]

ANSWER = "Hello from upstream"


def send(service: Caller, key: str, method: str, path: str, body: Json | None = None) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"}
    return service.client.request(method, f"/v1/conversations{path}", json=body, headers=headers)


def ok(reply: httpx2.Response) -> Json:
    assert reply.status_code == 200, reply.text
    found: Json = reply.json()
    return found


def begin(service: Caller, key: str, **body: Any) -> str:
    made: str = ok(send(service, key, "POST", "", body))["id"]
    return made


def listed(service: Caller, key: str, conversation: str, query: str = "?order=asc") -> list[Json]:
    page: list[Json] = ok(send(service, key, "GET", f"/{conversation}/items{query}"))["data"]
    for item in page:
        check("ItemField", item)
    return page


def words(items: list[Json]) -> list[str]:
    return [part["text"] for item in items if item["type"] == "message" for part in item["content"]]


def user(said: str) -> Json:
    return {"role": "user", "content": said}


def told(upstream: Upstream) -> list[str]:
    """Return what the model was last told, without its instructions."""
    return [str(message["content"]) for message in upstream.requests[-1].body["messages"]]
