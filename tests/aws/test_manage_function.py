"""The real manage function behind the REST API, and what there is of management without it."""

from __future__ import annotations

import asyncio
import secrets

import httpx2
import pytest

from antiphon.access import keys
from antiphon.bootstrap import build_stores
from antiphon.settings import Settings
from local.lambda_host.host import Host
from local.lambda_host.layers import ROOT
from local.lambda_host.template import read_template
from tests.support.hosted import AGENT, AWS, layout


@pytest.fixture(scope="module")
def managing(stored, tmp_path_factory):
    template = read_template(ROOT / "template.yaml", Management="on", FunctionUrl="on")
    with Host(layout(), template, stored.url, log=tmp_path_factory.mktemp("managing"), environ=AWS) as host:
        yield host


@pytest.fixture(scope="module")
def management_key(stored):
    text = keys.make_management_key("dev", secrets.token_bytes)

    async def add():
        tables = {"core_table": "CoreTable", "responses_table": "ResponsesTable"}
        stores = build_stores(Settings(**tables, aws_endpoint_url=stored.url))
        await stores.keys.add(keys.record(text, tenant="default", user="ada", now=1, management=True))
        await stores.aclose()

    asyncio.run(add())
    return text


def ask(host, key, method, path, body=None):
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.request(method, f"{host.rest.root}/v1/{path}", json=body, headers=headers, timeout=60)


def test_the_function_makes_what_the_other_functions_read(managing, management_key):
    assert ask(managing, management_key, "PUT", "admin/users/kim", {"role": "ADMIN"}).status_code == 200
    made = ask(managing, management_key, "POST", "admin/keys", {"user": "kim"}).json()
    assert ask(managing, management_key, "PUT", f"admin/agents/{AGENT}/grants/user:kim", {"level": "viewer"}).is_success
    answer = ask(managing, made["key"], "POST", "responses", {"model": AGENT, "input": "Hi"})
    assert answer.status_code == 200, answer.text
    listed = ask(managing, management_key, "GET", "admin/users/kim/responses").json()["data"]
    assert [response["id"] for response in listed] == [answer.json()["id"]]
    read = ask(managing, management_key, "GET", f"admin/users/kim/responses/{listed[0]['id']}/content").json()
    assert read["response"]["output"] == answer.json()["output"]


def test_a_revoked_management_key_ends_at_once(managing, management_key):
    made = ask(managing, management_key, "POST", "admin/keys", {"user": "ada", "management": True}).json()
    assert ask(managing, made["key"], "GET", "admin/me").json()["manage"]
    assert ask(managing, management_key, "DELETE", f"admin/keys/{made['id']}").json()["state"] == "revoked"
    refused = ask(managing, made["key"], "GET", "admin/me")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_revoked")


def test_a_path_of_management_that_does_not_exist_is_404_and_another_method_405(managing, management_key):
    assert ask(managing, management_key, "GET", "admin/nothing").status_code == 404
    assert ask(managing, management_key, "DELETE", "admin/users").status_code == 405


def test_the_other_functions_refuse_a_management_key(managing, management_key):
    for method, path, body in (("POST", "responses", {"model": AGENT, "input": "Hi"}), ("GET", "models", None)):
        refused = ask(managing, management_key, method, path, body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "management_key")


def test_without_the_parameter_the_paths_are_unknown(host, management_key):
    for method, path in (("GET", "admin/me"), ("POST", "admin/keys"), ("PUT", "admin/users/eve")):
        refused = ask(host, management_key, method, path, {} if method != "GET" else None)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "route_not_found")
