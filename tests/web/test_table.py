"""The route table against the routers, and how it answers for paths."""

from __future__ import annotations

import re

import pytest

from antiphon.web.routes import about, create, models, responses
from antiphon.web.table import ROUTES, allowed_methods


def served() -> dict[str, set[str]]:
    methods: dict[str, set[str]] = {}
    for router in (create.router, models.router, responses.router, about.router):
        for route in router.routes:
            path = re.sub(r"\{\w+\}", "{id}", route.path)
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
        "/",
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
