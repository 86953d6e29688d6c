"""Management and events out as they are deployed: on ministack, with its queue, its stream and its filters.

ministack takes the first greedy path for the most specific one, so the manage function is invoked as API Gateway would.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time

import httpx2
import openai
import pytest

from antiphon.access import keys, roles
from antiphon.bootstrap import build_services, build_stores
from antiphon.providers.configured import Providers
from antiphon.records import Agent, User
from antiphon.settings import Settings
from antiphon.web.app import build_app
from antiphon.web.routes import create
from tests.support.answering import Answer, Answering
from tests.support.stack import AWS, MINISTACK, Stack, code

pytestmark = pytest.mark.ministack
SOON = 30.0


@pytest.fixture(scope="module")
def receiver():
    with Answering() as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory, receiver):
    if not os.environ.get("CI") and not MINISTACK.exists():
        pytest.skip("needs ministack: `make install-ministack`")
    with Stack(tmp_path_factory.mktemp("operating") / "log") as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            patch.setenv(name, value)
        parameters = {"Management": "on", "Webhooks": "on", "WebhookHosts": receiver.place}
        assert stack.deploy(code("Manage", "SendEvents"), **parameters) == "CREATE_COMPLETE"
        yield stack


def settings_of(stack):
    tables = {"core_table": stack.outputs["CoreTableName"], "responses_table": stack.outputs["ResponsesTableName"]}
    return Settings(**tables, aws_endpoint_url=stack.url)


@pytest.fixture(scope="module")
def holders(stack):
    """An API key and a management key of a user who has an agent."""

    async def store():
        stores = build_stores(settings_of(stack))
        await stores.directory.put(User("default", "ada", role=roles.ADMIN))
        await stores.directory.put_agent(Agent("default", "echo", "demo", "demo", author="ada"))
        made = {}
        for make in (keys.make_key, keys.make_management_key):
            managing = make is keys.make_management_key
            made[managing] = make("dev", secrets.token_bytes)
            record = keys.record(made[managing], tenant="default", user="ada", now=1, management=managing)
            await stores.keys.add(record)
        await stores.aclose()
        return made[False], made[True]

    return asyncio.run(store())


def manage(stack, key, method, path, body=None):
    """Invoke the manage function with a request as API Gateway passes it; return the status and the document."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    path, query = path.partition("?")[::2]
    asked = dict(pair.split("=") for pair in query.split("&") if pair)
    event = {
        "httpMethod": method,
        "path": f"/v1/admin/{path}",
        "resource": "/v1/admin/{proxy+}",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": asked or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in asked.items()} or None,
        "requestContext": {
            "stage": "dev",
            "path": f"/dev/v1/admin/{path}",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.7"},
            "requestId": "r1",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
    function = {"FunctionName": stack.resources["Manage"], "Qualifier": "live"}
    answer = json.loads(stack.client("lambda").invoke(**function, Payload=json.dumps(event))["Payload"].read())
    return answer["statusCode"], json.loads(answer["body"])


async def respond(stack, key):
    """Create a response on the stack's tables in this process; return its id."""
    settings = settings_of(stack)
    stores = build_stores(settings)
    app = build_app(build_services(settings, stores, Providers({}, {})), [create.router])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://here") as client:
        headers = {"authorization": f"Bearer {key}"}
        answer = await client.post("/v1/responses", json={"model": "echo", "input": "Hello"}, headers=headers)
    await stores.aclose()
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def until(holds):
    end = time.monotonic() + SOON
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def test_the_manage_function_makes_limits_and_lists_what_it_made(stack, holders):
    _, key = holders
    assert manage(stack, key, "PUT", "users/kim", {"role": "USER"})[0] == 200
    assert manage(stack, key, "PUT", "users/kim/limits", {"tokens_per_day": 7})[1]["limits"] == {"tokens_per_day": 7}
    made = manage(stack, key, "POST", "keys", {"user": "kim"})[1]
    listed = manage(stack, key, "GET", "keys?user=kim")[1]["data"]
    assert [each["id"] for each in listed] == [made["id"]]
    entry = manage(stack, key, "GET", "audit?limit=1")[1]["data"][0]
    assert (entry["action"], entry["actor"]["address"]) == ("key.created", "192.0.2.7")
    assert manage(stack, "apm_dev_wrong", "GET", "keys")[0] == 401


def test_the_ending_of_a_response_reaches_a_webhook_through_the_stream_and_the_queue(stack, holders, receiver):
    key, managing = holders
    status, made = manage(stack, managing, "POST", "webhooks", {"url": receiver.url("/hook")})
    assert status == 200
    assert manage(stack, managing, "POST", f"webhooks/{made['id']}/test")[1]["result"] == "arrived"
    response = asyncio.run(respond(stack, key))
    asked = until(lambda: next((each for each in receiver.asked if each.json["data"]["id"] == response), None))
    event = openai.OpenAI(api_key="none").webhooks.unwrap(asked.body, asked.headers, secret=made["signing_secret"])
    assert (event.type, event.data.id) == ("response.completed", response)
    assert manage(stack, managing, "DELETE", f"webhooks/{made['id']}")[0] == 200


def test_a_delivery_that_fails_is_hidden_in_the_queue_and_sent_again(stack, holders, receiver):
    key, managing = holders
    made = manage(stack, managing, "POST", "webhooks", {"url": receiver.url("/again")})[1]
    receiver.answer = lambda _: Answer(503)
    response = asyncio.run(respond(stack, key))

    def attempts():
        return [each for each in receiver.asked if each.path == "/again" and each.json["data"]["id"] == response]

    until(attempts)
    receiver.answer = lambda _: Answer(204)
    first, second = until(lambda: attempts() if len(attempts()) > 1 else None)[:2]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 4
    assert manage(stack, managing, "GET", "failed-deliveries")[1]["data"] == []
    assert manage(stack, managing, "DELETE", f"webhooks/{made['id']}")[0] == 200
