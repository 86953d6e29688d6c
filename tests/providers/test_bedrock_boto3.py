"""What we send to Bedrock is what boto3 sends for the same arguments: over a socket, both against one server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config

from antiphon.ports import ModelCall, StopDelta, TextDelta
from antiphon.providers.bedrock.request import converse_request
from antiphon.providers.description import family_of
from antiphon.providers.endpoint import WHOLE_BYTES
from tests.support.calls import model_call, run, user
from tests.support.conversations import conversations
from tests.support.protocols import Converse
from tests.support.upstream import Request, Upstream

PROTOCOL = Converse()
SAID = PROTOCOL.script([TextDelta("x"), StopDelta("stop")])
CONVERSATIONS = conversations(PROTOCOL.model, PROTOCOL.state)
MODELS = (
    "anthropic.claude-opus-4-8",
    "eu.amazon.nova-pro-v1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123",
    "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
    "a b+c%2F?d=e&f#g~h_i-j.k:é",
)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")


def sent(call: ModelCall, **more: Any) -> tuple[Request, Request]:
    """Return what we send, and what boto3 sends for what we tell it."""
    arguments = converse_request(call, family_of("bedrock", call.model).capabilities, **more)
    with Upstream([SAID]) as upstream:
        run(PROTOCOL.provider(upstream.base_url, **more), call)
        config = Config(retries={"total_max_attempts": 1})
        client = boto3.client("bedrock-runtime", "eu-central-1", endpoint_url=upstream.base_url, config=config)
        assert len(list(client.converse_stream(**arguments)["stream"])) > 1
        client.close()
    ours, theirs = upstream.requests
    return ours, theirs


def assert_same(ours: Request, theirs: Request) -> None:
    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
    for name in ("host", "content-type"):
        assert ours.headers[name] == theirs.headers[name]
    scopes = [request.headers["authorization"].split(",")[0].split("/", 1) for request in (ours, theirs)]
    assert scopes[0] == scopes[1]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_every_conversation_is_sent_as_boto3_sends_it(name: str) -> None:
    assert_same(*sent(CONVERSATIONS[name]))


def test_whatever_can_be_set_is_sent_as_boto3_sends_it() -> None:
    asked = model_call(
        "Hi", max_output_tokens=50, temperature=0.1, top_p=0.5, service_tier="flex", safety_identifier="u"
    )
    assert_same(*sent(replace(asked, model=PROTOCOL.model), guardrail="g:1", citations=True))


def test_a_large_body_is_sent_as_boto3_sends_it() -> None:
    text = {"type": "input_text", "text": "é" * WHOLE_BYTES}
    assert_same(*sent(replace(model_call([user([text])]), model=PROTOCOL.model)))


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_asked_at_the_path_that_boto3_has_for_it(model: str) -> None:
    assert_same(*sent(replace(model_call("Hi"), model=model)))
