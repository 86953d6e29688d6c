"""Events as literals, scopes and preludes as literals."""

import json
from pathlib import Path

import pytest

from antiphon.awslambda import http
from tests.support.foreign import FOREIGN

EVENTS = Path(__file__).parents[2] / "events"
REST = json.loads((EVENTS / "unknown-path.rest.json").read_text())
URL = json.loads((EVENTS / "unknown-path.url.json").read_text())


def scope(event):
    return http.scope_of(event, deadline=1795428900.5, request_id="7e57")


@pytest.mark.parametrize("event", [REST, URL], ids=["rest", "url"])
def test_both_forms_of_event_give_the_same_request(event):
    seen = scope(event)
    assert {
        name: seen[name]
        for name in ("type", "method", "path", "raw_path", "root_path", "query_string", "scheme", "client")
    } == {
        "type": "http",
        "method": "GET",
        "path": "/v2/responses",
        "raw_path": b"/v2/responses",
        "root_path": "",
        "query_string": b"page=1&page=2",
        "scheme": "https",
        "client": ("203.0.113.7", 0),
    }
    assert dict(seen["headers"])[b"user-agent"] == b"OpenAI/Python 2.9.0"
    assert seen["server"] == (dict(seen["headers"])[b"host"].decode(), 443)
    assert (seen["antiphon.deadline"], seen["antiphon.request_id"]) == (1795428900.5, "7e57")


def test_a_header_that_was_sent_twice_stays_twice_behind_a_rest_api():
    twice = REST | {"multiValueHeaders": {"Authorization": ["Bearer a", "Bearer b"]}}
    assert scope(twice)["headers"] == [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]


def test_the_cookies_of_a_function_url_become_one_header():
    assert (b"cookie", b"a=1; b=2") in scope(URL | {"cookies": ["a=1", "b=2"]})["headers"]


def test_a_path_is_decoded_once_and_kept_raw():
    seen = scope(URL | {"rawPath": "/v1/models/a%2525b"})
    assert (seen["path"], seen["raw_path"]) == ("/v1/models/a%25b", b"/v1/models/a%2525b")


def test_a_path_that_a_rest_api_has_decoded_is_not_decoded_again():
    seen = scope(REST | {"path": "/v1/models/a%2fb é"})
    assert (seen["path"], seen["raw_path"]) == ("/v1/models/a%2fb é", b"/v1/models/a%252fb%20%C3%A9")


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/agents/v1/models", "/v1/models"),
        ("/agents", "/"),
        ("/v1/models", "/v1/models"),
        ("/agentsv1/models", "/agentsv1/models"),
        ("/v1/agents/models", "/v1/agents/models"),
    ],
)
def test_the_base_path_of_a_custom_domain_is_taken_off_a_path_that_begins_with_it(path, seen):
    """A REST API leaves it in the path: slank/awsgi#18, Kludex/mangum#78, CodeGenieApp/serverless-express#397."""
    assert http.path_of(REST | {"path": path}, "agents") == seen
    assert http.path_of(URL | {"rawPath": path}, "agents") == path


@pytest.mark.parametrize("event", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_request_of_a_front_door_is_recognised(event):
    assert not http.is_request(event)


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.*.json")), ids=lambda path: path.name)
def test_every_sample_is_a_request(path):
    assert http.is_request(json.loads(path.read_text()))


def test_a_rest_event_with_single_headers_alone_keeps_them():
    single = REST | {"multiValueHeaders": None, "headers": {"Authorization": "Bearer a"}}
    assert scope(single)["headers"] == [(b"authorization", b"Bearer a")]


@pytest.mark.parametrize("form", [REST, URL], ids=["rest", "url"])
@pytest.mark.parametrize(
    ("part", "body"),
    [
        ({"body": "é", "isBase64Encoded": False}, "é".encode()),
        ({"body": "AP9h", "isBase64Encoded": True}, b"\0\xffa"),
        ({"body": None}, b""),
        ({"body": "", "isBase64Encoded": True}, b""),
    ],
)
def test_a_body_is_read_as_the_bytes_it_was(form, part, body):
    assert http.body_of(form | part) == body


def test_half_a_surrogate_in_an_event_does_not_end_the_function():
    event = URL | {"body": "\ud800", "headers": {"x-odd": "\udfff"}, "isBase64Encoded": False}
    assert http.body_of(event) == b"?"
    assert scope(event)["headers"] == [(b"x-odd", b"?")]


def test_a_request_without_query_or_headers_is_a_request():
    bare = REST | {"multiValueQueryStringParameters": None, "multiValueHeaders": None, "headers": None}
    assert (scope(bare)["query_string"], scope(bare)["headers"]) == (b"", [])


def test_a_query_is_encoded_again_as_a_rest_api_had_decoded_it():
    odd = REST | {"multiValueQueryStringParameters": {"a b": ["c&d", "é"]}}
    assert scope(odd)["query_string"] == b"a+b=c%26d&a+b=%C3%A9"


def test_the_prelude_is_json_without_nul_and_then_eight_of_them():
    head = http.prelude(
        200,
        [
            (b"Content-Type", b"text/plain"),
            (b"Set-Cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"vary", b"origin"),
            (b"Vary", b"accept"),
            (b"x-latin", "é\0".encode("latin-1")),
            (b"content-length", b"5"),
            (b"transfer-encoding", b"chunked"),
        ],
    )
    text, nothing = head[:-8], head[-8:]
    assert (nothing, b"\0" in text) == (b"\0" * 8, False)
    assert json.loads(text) == {
        "statusCode": 200,
        "headers": {"content-type": "text/plain", "vary": "origin, accept", "x-latin": "é\0"},
        "cookies": ["a=1", "b=2"],
    }


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ([(b"Content-Type", b"text/event-stream; charset=utf-8")], True),
        ([(b"content-type", b"application/json")], False),
        ([], False),
    ],
)
def test_an_event_stream_is_known_by_its_content_type(headers, answer):
    assert http.is_event_stream(headers) is answer
