"""The route table against the routers, and how it answers for paths."""

from __future__ import annotations

import re

import pytest

from antiphon.web.errors import unrouted
from antiphon.web.routers import ROUTERS
from antiphon.web.routes import admin
from antiphon.web.table import ROUTES, allowed_methods, hint


def served() -> dict[str, set[str]]:
    methods: dict[str, set[str]] = {}
    for router in (*ROUTERS, *admin.routers):
        for route in router.routes:
            path = re.sub(r"\{(?!item_id)\w+\}", "{id}", route.path)
            methods.setdefault(path, set()).update(route.methods)
    return methods


def test_the_table_and_the_routers_say_the_same():
    assert {path: set(methods) for path, methods in ROUTES.items()} == served()


@pytest.mark.parametrize("path", ROUTES)
def test_a_path_of_the_table_takes_its_methods(path):
    assert allowed_methods(path.replace("{id}", "x")) == ROUTES[path]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/v1",
        "/v1/",
        "/v1/responses/",
        "/v1/responses/a/b",
        "/v2/responses",
        "/V1/responses",
        "//v1/responses",
        "/openapiXjson",
        "/docs/",
        "/docs/a/b",
        "/healthz\n",
    ],
)
def test_any_other_path_takes_none(path):
    assert allowed_methods(path) == ()


def test_an_id_may_hold_anything_but_a_slash():
    assert allowed_methods("/v1/models/%2e%2e\n é") == ("GET",)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/responses", "/v1/responses"),
        ("/v1/v1/responses", "/v1/responses"),
        ("/v1/responses/", "/v1/responses"),
        ("//v1//responses", "/v1/responses"),
        ("/V1/Responses", "/v1/responses"),
        ("/v1/v1/models", "/v1/models"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/models/assistant", "/v1/models/{id}"),
        ("/responses/canary/cancel", "/v1/responses/{id}/cancel"),
        ("/v1/healthz", "/healthz"),
        ("/docs/", "/docs"),
    ],
)
def test_a_path_with_a_wrong_prefix_or_slash_is_answered_with_the_right_one(path, route):
    assert hint(path).startswith(f"Call `{route}`.")
    assert "canary" not in hint(path)


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/v1/chat", "POST /v1/chat/completions"),
        ("/v1/completions", "POST /v1/responses"),
        ("/v1/messages", "POST /v1/chat/completions"),
        ("/v1/messages/count_tokens", "POST /v1/chat/completions"),
        ("/api/chat", "POST /v1/chat/completions"),
        ("/api/tags", "GET /v1/models"),
        ("/v1/threads/t/runs", "POST /v1/responses"),
        ("/v1/files", "input_file"),
        ("/v1", "POST /v1/responses"),
        ("/v1/", "POST /v1/responses"),
    ],
)
def test_a_path_of_another_api_is_answered_with_what_to_call_instead(path, call):
    error = unrouted(path)
    assert (error.status, error.code) == (404, "route_not_found")
    assert call in error.message


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/respones", "/v1/responses"),
        ("/v1/model", "/v1/models"),
        ("/v1/response/modls", "/v1/responses/models"),
        ("/heathz", "/healthz"),
        ("/openapi.jsn", "/openapi.json"),
    ],
)
def test_a_misspelt_path_is_answered_with_the_likely_one(path, meant):
    assert unrouted(path).message == f"There is no such path. Did you mean `{meant}`?"


@pytest.mark.parametrize("path", ["/canary", "/v1/admn/keys", "/v2/responses", "/v1/responses/a/b", "/.env"])
def test_a_path_that_resembles_none_leads_to_the_page(path):
    assert unrouted(path).message == "There is no such path. See `/docs` for the routes."
