from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from antiphon.store.dynamodb.protocol import Garbled, Refusal, headers, read, write

LEAVES = st.binary(max_size=20) | st.text(max_size=10) | st.booleans() | st.none()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ABS"), inner), max_leaves=12
)


def refused(status: int, document: dict[str, Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(status, json.dumps(document).encode(), None)
    return caught.value


@given(st.dictionaries(st.sampled_from(["pk", "B", "S", "body"]), VALUES))
def test_an_item_comes_back_as_it_was_sent_bytes_and_all(item: dict[str, Any]) -> None:
    row = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    answer = read(200, write({"Item": row, "Items": [row], "Responses": {"table": [row]}}), None)
    came = {name: TypeDeserializer().deserialize(value) for name, value in answer["Item"].items()}
    assert {name: plain(value) for name, value in came.items()} == item
    assert answer["Items"] == answer["Responses"]["table"] == [answer["Item"]]


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return bytes(value) if hasattr(value, "value") else value


def test_bytes_are_base64_on_the_wire_and_an_operation_is_a_header() -> None:
    assert json.loads(write({"Item": {"body": {"B": b"\x00\xff"}}})) == {"Item": {"body": {"B": "AP8="}}}
    assert headers("GetItem") == {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.GetItem",
    }


def test_an_answer_whose_checksum_is_another_is_garbled() -> None:
    assert read(200, b"{}", str(crc32(b"{}"))) == {}
    with pytest.raises(Garbled):
        read(200, b'{"Item": {}}', str(crc32(b"{}")))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Item": '])
def test_a_success_that_is_not_json_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        read(200, body, None)


def test_a_refusal_is_known_by_its_name_with_or_without_its_namespace() -> None:
    full = refused(400, {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "canary"})
    assert (full.code, full.status, full.is_fault, full.is_condition) == (
        "ResourceNotFoundException",
        400,
        False,
        False,
    )
    assert refused(400, {"__type": "ThrottlingException"}).code == "ThrottlingException"
    assert "canary" not in str(full)


def test_a_failed_condition_brings_the_item_that_was_asked_for() -> None:
    error = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}
    failed = refused(400, error | {"Item": {"body": {"B": "AP8="}}})
    assert failed.is_condition
    assert failed.row == {"body": {"B": b"\x00\xff"}}
    assert refused(400, error).row == {}


def test_a_cancelled_transaction_says_why_for_each_item() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "canary"}]
    cancelled = refused(400, {"__type": "x#TransactionCanceledException", "CancellationReasons": reasons})
    assert cancelled.codes == {"TransactionCanceledException", "None", "ConditionalCheckFailed"}
    assert cancelled.is_condition


@pytest.mark.parametrize(("status", "fault"), [(413, False), (500, True), (503, True)])
def test_a_refusal_that_is_not_dynamodbs_own_is_known_by_its_status(status: int, fault: bool) -> None:
    for body in (b"<html>", b"{}"):
        with pytest.raises(Refusal) as caught:
            read(status, body, None)
        assert (caught.value.code, caught.value.is_fault) == (f"HTTP {status}", fault)
