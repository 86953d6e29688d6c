"""The buffered handler: literal events in, literal answers out."""

import asyncio
import base64
import json
import time
from pathlib import Path

import pytest

from antiphon.awslambda.buffered import buffered
from antiphon.awslambda.http import IGNORED
from tests.support.foreign import FOREIGN

EVENTS = Path(__file__).parents[2] / "events"
PNG = b"\x89PNG\r\n\x1a\n"


class Context:
    """The context that Lambda passes to a handler."""

    aws_request_id = "5f2b8c1e-0d3a-4c55-9a3e-2f6d1b7c8e90"

    def get_remaining_time_in_millis(self):
        return 20_000


@pytest.fixture
def handling():
    """Makes handlers, and closes their event loops, which live as long as their process on Lambda."""
    loops = []

    def make(app):
        handler = buffered(app)
        loops.append(asyncio.get_event_loop_policy().get_event_loop())
        return handler

    yield make
    for loop in loops:
        loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def answering(handling):
    def make(*, headers=(), body=b"", seen=None):
        async def app(scope, receive, send):
            if seen is not None:
                seen.update(scope, body=(await receive())["body"])
            await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
            await send({"type": "http.response.body", "body": body})

        return handling(app)

    return make


def event(form, **changes):
    return json.loads((EVENTS / f"list-models.{form}.json").read_text()) | changes


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_an_event_that_is_no_request_is_answered_and_is_no_error(answering, foreign):
    assert answering()(foreign, Context()) == IGNORED


def test_a_path_is_decoded_once_and_loses_the_base_path_of_a_custom_domain(answering, monkeypatch):
    monkeypatch.setenv("ANTIPHON_BASE_PATH", "agents")
    seen = {}
    answering(seen=seen)(event("rest", path="/agents/v1/models/a%2fb"), Context())
    assert seen["path"] == "/v1/models/a%2fb"
    answering(seen=seen)(event("url", rawPath="/agents/v1/models/a%252fb"), Context())
    assert seen["path"] == "/agents/v1/models/a%2fb"


@pytest.mark.parametrize("form", ["rest", "url"])
def test_the_application_sees_the_request_its_id_and_its_deadline(answering, form):
    seen = {}
    before = time.time()
    answering(seen=seen)(event(form, body="w6k=", isBase64Encoded=True), Context())
    assert (seen["method"], seen["path"], seen["body"]) == ("GET", "/v1/models", "é".encode())
    assert seen["antiphon.request_id"] == Context.aws_request_id
    assert before + 20 <= seen["antiphon.deadline"] <= time.time() + 20


@pytest.mark.parametrize("form", ["rest", "url"])
@pytest.mark.parametrize("kind", [b"application/json", b"text/html; charset=utf-8", b"text/javascript", b"text/css"])
def test_text_travels_as_it_is(answering, form, kind):
    answer = answering(headers=[(b"content-type", kind)], body="é".encode())(event(form), Context())
    assert (answer["body"], answer["isBase64Encoded"]) == ("é", False)


@pytest.mark.parametrize("form", ["rest", "url"])
def test_binary_travels_as_base64(answering, form):
    answer = answering(headers=[(b"content-type", b"image/png")], body=PNG)(event(form), Context())
    assert (base64.b64decode(answer["body"]), answer["isBase64Encoded"]) == (PNG, True)


def test_cookies_keep_their_number_in_both_forms(answering):
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert answering(headers=headers)(event("rest"), Context())["multiValueHeaders"]["set-cookie"] == ["a=1", "b=2"]
    assert answering(headers=headers)(event("url"), Context())["cookies"] == ["a=1", "b=2"]


def test_one_event_loop_serves_all_invocations(handling):
    loops = []

    async def app(scope, receive, send):
        loops.append(asyncio.get_running_loop())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    handler = handling(app)
    assert [handler(event("rest"), Context())["statusCode"] for _ in range(2)] == [204, 204]
    assert loops[0] is loops[1]
