"""The encoding of spans, read by the official message types."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from antiphon.telemetry.wire import CLIENT, export, rejected, span

TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(TEXT).map(tuple),
)


def read(value):
    kind = value.WhichOneof("value")
    return tuple(map(read, value.array_value.values)) if kind == "array_value" else getattr(value, kind)


@given(
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    TEXT,
    st.dictionaries(TEXT.filter(bool), VALUES),
    st.booleans(),
)
def test_every_span_is_read_as_it_was_meant(trace, own, parent, name, attributes, failed):
    ids = f"{trace:032x}", f"{own:016x}", f"{parent:016x}" if parent else ""
    written = span(*ids, name, CLIENT, (1_700_000_000.25, 1_700_000_001.5), attributes, failed=failed)
    message = ExportTraceServiceRequest()
    message.ParseFromString(export({"service.name": name}, ("made", "1"), "https://schema", [written, written]))
    [group] = message.resource_spans
    [scoped] = group.scope_spans
    assert (scoped.scope.name, scoped.scope.version) == ("made", "1")
    assert scoped.schema_url == group.schema_url == "https://schema"
    assert [(each.key, read(each.value)) for each in group.resource.attributes] == [("service.name", name)]
    found, again = scoped.spans
    assert found == again
    assert (found.trace_id.hex(), found.span_id.hex(), found.parent_span_id.hex()) == ids
    assert (found.name, found.kind) == (name, CLIENT)
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (
        1_700_000_000_250_000_000,
        1_700_000_001_500_000_000,
    )
    assert {each.key: read(each.value) for each in found.attributes} == attributes
    assert (found.status.code == Status.STATUS_CODE_ERROR) == failed


@given(st.integers(0, 2**40), TEXT)
def test_how_many_spans_were_refused_is_read(count, message):
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = count
    answer.partial_success.error_message = message
    assert rejected(answer.SerializeToString()) == count
    assert rejected(b"") == 0


@given(st.binary())
def test_an_answer_that_is_none_refuses_nothing_or_something_but_never_fails(reply):
    assert rejected(reply) >= 0
