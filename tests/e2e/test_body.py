"""What may be sent, over a real socket. Nothing is stored, no model is called."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from antiphon.records import Limits, Tenant
from tests.support.caller import TENANT, refused
from tests.support.service import Service
from tests.support.upstream import Upstream


@pytest.fixture(autouse=True)
def nothing_is_left_behind(service: Service, upstream: Upstream, through: str) -> Iterator[None]:
    yield
    assert len(upstream.requests) == 0
    assert through != "process" or service.responses.calls["claim"] == 0


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "agent", "input": "Hi", **fields}).encode()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"a":1}x', "invalid_json"),
        (b'{"a":"\n"}', "invalid_json"),
        (b"[]", "invalid_type"),
        (b"null", "invalid_type"),
        (b'"text"', "invalid_type"),
        (b"[" * 1_000, "json_too_deep"),
        (b"[" * 100_000, "json_too_deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "json_too_deep"),
        (b'{"a":NaN}', "invalid_number"),
        (b'{"a":-Infinity}', "invalid_number"),
        (b'{"a":1e999}', "invalid_number"),
        (b'{"a":' + b"9" * 5_000 + b"}", "invalid_number"),
        (b'{"a":18446744073709551616}', "invalid_number"),
        (b'{"a":[{"b":-9223372036854775809}]}', "invalid_number"),
        (b'{"a":"\\ud83d"}', "invalid_unicode"),
        (b'{"a":["\\ud83d","\\ude00"]}', "invalid_unicode"),
        (b'{"a":"\xff"}', "invalid_encoding"),
        (b'{"a":"\xed\xa0\x80"}', "invalid_encoding"),
        ('{"a":"b"}'.encode("utf-16"), "invalid_encoding"),
        ('{"a":"b"}'.encode("utf-16-le"), "invalid_encoding"),
        (b'\xef\xbb\xbf{"a":1}', "invalid_encoding"),
        (b'{"model":"agent","model":"agent"}', "duplicate_key"),
        (b'{"a":{"b":1,"b":1}}', "duplicate_key"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:24]),
)
def test_a_body_that_is_not_one_strict_json_object_is_refused(
    service: Service, key: str, raw: bytes, code: str, through: str
) -> None:
    if code == "invalid_encoding" and through != "process":
        pytest.skip("both front doors hand JSON over as text: what is not UTF-8 is damaged before it comes to us")
    refused(service.post(key, raw), 400, code)


def test_a_mistake_in_the_json_is_named_with_its_place(service: Service, key: str) -> None:
    error = refused(service.post(key, b'{"model": "canary",\n "input": "x",}'), 400, "invalid_json")
    place = "The body is not JSON: there is a mistake in line 2, column 15."
    assert error["message"] == f"{place} Send one JSON object."
    assert (
        refused(service.post(key, b" "), 400, "invalid_json")["message"] == "The body is empty. Send one JSON object."
    )


def test_a_byte_order_mark_is_named(service: Service, key: str, through: str) -> None:
    if through != "process":
        pytest.skip("both front doors hand JSON over as text")
    error = refused(service.post(key, b'\xef\xbb\xbf{"a":1}'), 400, "invalid_encoding")
    assert error["message"].startswith("The body begins with a byte order mark (BOM).")


def test_a_body_as_deep_as_allowed_is_read(service: Service, key: str) -> None:
    deep: Any = "x"
    for _ in range(90):
        deep = [deep]
    refused(service.post(key, body(unknown=deep)), 400, "unknown_parameter", "unknown")


def test_brackets_inside_of_strings_are_not_depth(service: Service, key: str) -> None:
    refused(service.post(key, body(input='{"[' * 500, unknown=1)), 400, "unknown_parameter", "unknown")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_content_type_that_is_not_json_is_refused(service: Service, key: str, kind: str) -> None:
    refused(service.post(key, body(), {"content-type": kind}), 415, "unsupported_media_type")


def test_a_content_type_with_a_charset_is_json(service: Service, key: str) -> None:
    answer = service.post(key, body(unknown=1), {"content-type": "application/json; charset=utf-8"})
    refused(answer, 400, "unknown_parameter", "unknown")


def test_a_compressed_body_is_refused_and_never_inflated(service: Service, key: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    refused(service.post(key, bomb, {"content-encoding": "gzip"}), 415, "unsupported_encoding")


def test_a_body_over_the_limit_is_refused_before_it_is_parsed(service: Service, key: str) -> None:
    service.put(Tenant(TENANT, Limits(max_body_bytes=2_000)))
    key = service.key()
    refused(service.post(key, b"{" * 2_001), 413, "request_too_large")


def test_a_chunked_body_over_the_limit_is_refused(service: Service) -> None:
    service.put(Tenant(TENANT, Limits(max_body_bytes=2_000)))
    headers = {"authorization": f"Bearer {service.key()}", "content-type": "application/json"}
    pieces = (b"{" * 500 for _ in range(6))
    refused(service.client.post("/v1/responses", content=pieces, headers=headers), 413, "request_too_large")


@pytest.mark.parametrize("value", ["12", True, 16.0])
def test_an_integer_must_be_an_integer(service: Service, key: str, value: object) -> None:
    refused(service.post(key, body(max_output_tokens=value)), 400, "invalid_type", "max_output_tokens")


@pytest.mark.parametrize("given", [{}, {"input": None}], ids=["absent", "null"])
def test_a_request_that_neither_says_nor_continues_anything_is_refused(
    service: Service, key: str, given: dict[str, Any]
) -> None:
    raw = json.dumps({"model": "agent", **given}).encode()
    refused(service.post(key, raw), 400, "missing_required_parameter", "input")


def test_an_unknown_field_is_refused_by_name(service: Service, key: str) -> None:
    refused(service.post(key, body(surprise=1)), 400, "unknown_parameter", "surprise")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_output_tokens": 15}, "max_output_tokens"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k"),
        ({"tools": [{"type": "function", "name": f"f{n}"} for n in range(200)]}, "tools"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"safety_identifier": "x" * 65}, "safety_identifier"),
        ({"max_tool_calls": 0}, "max_tool_calls"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_out_of_range_is_refused_by_name(
    service: Service, key: str, fields: dict[str, Any], param: str
) -> None:
    refused(service.post(key, body(**fields)), 400, "out_of_range", param)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "telepathy"}, "input[3].type"),
        ({"role": "oracle", "content": "x"}, "input[3].role"),
        ({"role": "user", "content": [{"type": "smell"}]}, "input[3].content[0].type"),
    ],
    ids=["item", "role", "part"],
)
def test_an_unknown_type_or_role_is_refused_by_its_exact_path(
    service: Service, key: str, item: dict[str, Any], param: str
) -> None:
    good = {"role": "user", "content": "x"}
    refused(service.post(key, body(input=[good, good, good, item])), 400, "unsupported_value", param)


def test_an_unknown_tool_type_is_refused(service: Service, key: str) -> None:
    refused(service.post(key, body(tools=[{"type": "crystal_ball"}])), 400, "unsupported_value", "tools[0].type")


@pytest.mark.parametrize("field", ["metadata", "previous_response_id", "model"])
def test_a_nul_in_an_id_or_a_name_is_refused(service: Service, key: str, field: str) -> None:
    value = {"a\0b": "x"} if field == "metadata" else "a\0b"
    assert service.post(key, body(**{field: value})).status_code in {400, 404}


def test_a_background_response_that_is_not_stored_is_refused(service: Service, key: str) -> None:
    refused(service.post(key, body(background=True, store=False)), 400, "unsupported_parameter", "background")


def test_no_message_repeats_what_was_sent(service: Service, key: str) -> None:
    canary = "canary-7f3a"
    bodies = [
        body(temperature=canary),
        body(metadata={canary: 1}),
        body(input=[{"type": canary}]),
        body(tool_choice=canary),
        body(text={"format": {"type": canary}}),
        body(input=[{"role": canary, "content": canary}]),
        body(model=canary, previous_response_id=canary),
        canary.encode(),
    ]
    for raw in bodies:
        error = service.post(key, raw).json()["error"]
        assert canary not in error["message"]


@pytest.mark.parametrize("path", ["/v1", "/v2/responses", "/v1/responses/", "/v1/models/", "/v1//models"])
def test_an_unknown_path_is_404_in_the_envelope_and_never_a_redirect(service: Service, key: str, path: str) -> None:
    refused(service.get(path, key), 404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/responses", "POST"),
        ("PUT", "/v1/responses", "POST"),
        ("POST", "/v1/models", "GET"),
        ("PATCH", "/v1/models/agent", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_a_wrong_method_is_405_with_those_allowed(service: Service, method: str, path: str, allow: str) -> None:
    answer = service.client.request(method, path)
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allow
