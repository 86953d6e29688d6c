"""Tracing headers, the daemon's address, and the form of a document."""

import asyncio

import jsonschema
import pytest

from antiphon.awslambda.tracing import TraceParent, address_of, document, parent_of
from antiphon.spans import Span
from tests.support.watching import SUBSEGMENT

PLACE = TraceParent("1-5759e988-bd862e3fe1be46a994272793", "557abcec3ee5a047")
SAMPLED = f"Root={PLACE.trace};Parent={PLACE.parent};Sampled=1"


@pytest.mark.parametrize("header", [SAMPLED, SAMPLED + ";Lineage=1:0:1", ";".join(reversed(SAMPLED.split(";")))])
def test_a_sampled_request_has_its_place(header):
    assert parent_of(header) == PLACE


@pytest.mark.parametrize(
    "header",
    [
        "",
        SAMPLED.replace("Sampled=1", "Sampled=0"),
        f"Root={PLACE.trace};Sampled=1",
        f"Root={PLACE.trace};Parent=../../etc;Sampled=1",
        f"Root=1-x;Parent={PLACE.parent};Sampled=1",
        ";;=;",
    ],
)
def test_a_request_that_is_not_sampled_or_whose_header_is_none_is_not_traced(header):
    assert parent_of(header) is None


def test_the_daemon_may_have_an_address_for_each_protocol():
    assert address_of("169.254.100.1:2000") == ("169.254.100.1", 2000)
    assert address_of("tcp:127.0.0.1:2000 udp:127.0.0.2:2001") == ("127.0.0.2", 2001)


def written(kind, name, failure=None, **facts):
    span = Span(kind, name, sink=lambda _: None, **facts)
    span.begun, span.ended, span.failure = 1.0, 2.0, failure
    made = document(span, PLACE)
    jsonschema.validate(made, SUBSEGMENT)
    return made


def test_a_name_has_only_what_a_name_may_have():
    assert written("model", "my{provider}" + "x" * 300)["name"] == "my_provider_" + "x" * 188


@pytest.mark.parametrize(
    ("made", "flags"),
    [
        (written("request", "antiphon", status=200, outcome="completed"), {}),
        (written("request", "antiphon", status=200, outcome="failed"), {"fault": True}),
        (written("request", "antiphon", status=503), {"fault": True}),
        (written("request", "antiphon", status=404), {"error": True, "throttle": False}),
        (written("request", "antiphon", status=429), {"error": True, "throttle": True}),
        (written("model", "openai", asyncio.CancelledError), {"error": True}),
        (written("model", "openai", ValueError), {"fault": True}),
        (written("store", "DynamoDB", ValueError, operation="GetItem"), {"error": True}),
    ],
)
def test_whose_fault_it_was(made, flags):
    assert {name: made[name] for name in ("error", "throttle", "fault") if name in made} == flags


def test_what_is_not_known_is_no_annotation():
    assert "annotations" not in written("model", "openai", model=None)
