"""A provider's key on Lambda: rotated without a restart, and nowhere to be read."""

import json

import httpx2
import pytest

from tests.support.hosted import UPSTREAM, hosted
from tests.support.keeper import Keeper
from tests.support.streams import assert_stream
from tests.support.upstream import Script, Upstream, answer

OLD, NEW = "canary-old", "canary-new"
NAME = "/antiphon/up"


def ask(host, key):
    """Ask bob's agent. Return the last event of the stream."""
    return assert_stream(
        httpx2.post(
            f"{host.rest.root}/v1/responses",
            json={"model": UPSTREAM, "input": "Hi", "stream": True},
            headers={"authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        ).content
    )[-1]


@pytest.mark.parametrize("kind", ["secret", "parameter"])
def test_a_rotated_key_is_taken_over_by_a_running_function_and_told_to_nobody_but_the_provider(stored, tmp_path, kind):
    refused = Script.error(401, json.dumps({"error": {"message": f"Incorrect API key: {OLD}"}}).encode())
    with Keeper() as keeper, Upstream([answer("one"), refused, answer("two"), refused, answer("no")]) as upstream:
        keeper.put(kind, NAME, {"up": OLD})
        provider = {"base_url": upstream.base_url, f"api_key_{kind}": NAME, "api_key_field": "up"}
        environ = {
            "ANTIPHON_PROVIDERS": json.dumps({"up": provider}),
            "AWS_ENDPOINT_URL": keeper.url,
            "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
        }
        with hosted(stored.url, tmp_path, environ=environ) as host:
            told = [ask(host, stored.bob)]
            keeper.put(kind, NAME, {"up": NEW})
            told += [ask(host, stored.bob), ask(host, stored.bob)]
            headers = {"authorization": f"Bearer {stored.bob}"}
            shown = httpx2.get(f"{host.rest.root}/v1/models/{UPSTREAM}", headers=headers, trust_env=False).text
            assert len(host.pools["CreateResponse"].environments) == 1
    assert [event["type"] for event in told] == ["response.completed", "response.completed", "response.failed"]
    assert told[2]["response"]["error"]["code"] == "provider_auth"
    assert [request.headers["authorization"] for request in upstream.requests] == [
        f"Bearer {key}" for key in (OLD, OLD, NEW, NEW)
    ]
    assert keeper.reads == [NAME, NAME], "a key that was renewed just now is not renewed again"
    logs = "".join(log.read_text() for log in tmp_path.glob("*.log"))
    assert "provider failed" in logs
    assert "canary" not in json.dumps(told) + shown + logs
