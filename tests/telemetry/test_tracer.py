"""Which trace a request belongs to, and what is known of a span by OpenTelemetry's conventions."""

import asyncio
import contextvars

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

from antiphon import measures, spans
from antiphon.errors import ProviderError
from antiphon.settings import ProviderEndpoint
from antiphon.spans import Span, Trace
from antiphon.telemetry.config import Sampling
from antiphon.telemetry.conventions import describe, provider_name
from antiphon.telemetry.tracer import OtlpTracer
from antiphon.telemetry.wire import CLIENT, INTERNAL, SERVER

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1"
XRAY_ID = "5759e988bd862e3fe1be46a994272793"

ALL = Sampling(1.0, follows=True)
NONE = Sampling(0.0, follows=True)


class Kept:
    """Keeps spans in the place of an exporter."""

    def __init__(self):
        self.taken = []
        self.dropped = 0

    def add(self, span):
        self.taken.append(span)

    async def flush(self, seconds): ...

    run = aclose = flush


def tracer(sampling=ALL, *, to_xray=False, exporter=None):
    return OtlpTracer(exporter or Kept(), lambda _: None, sampling, to_xray=to_xray)


@pytest.mark.parametrize("given", [GIVEN, GIVEN.replace("00-", "cc-", 1) + "-more"])
def test_the_trace_of_the_caller_goes_on(given):
    assert tracer().begin(given, XRAY) == Trace(TRACE, PARENT, sampled=True)


def test_a_caller_that_sends_no_spans_of_its_trace_gets_none_and_one_that_does_gets_them():
    assert tracer().begin(GIVEN[:-2] + "00").sampled is False
    assert tracer(NONE).begin(GIVEN).sampled is True
    assert tracer(Sampling(0.0, follows=False)).begin(GIVEN).sampled is False
    assert tracer(Sampling(1.0, follows=False)).begin(GIVEN[:-2] + "00").sampled is True


@pytest.mark.parametrize(
    "given",
    [
        "",
        GIVEN[:-1],
        GIVEN.upper(),
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-xx",
        f"{GIVEN}-more",
        "00-\n",
    ],
)
def test_a_header_that_is_none_begins_a_new_trace(given):
    begun, other = tracer().begin(given), tracer().begin(given)
    assert (begun.parent, begun.sampled) == ("", True)
    assert begun.id not in {TRACE, other.id}


def test_without_a_header_of_the_caller_a_trace_has_the_id_of_lambdas_own():
    assert tracer().begin("", XRAY) == Trace(XRAY_ID, "", sampled=True)
    assert tracer(to_xray=True).begin("", XRAY) == Trace(XRAY_ID, "557abcec3ee5a047", sampled=True)
    assert tracer(to_xray=True).begin("", XRAY.replace("Sampled=1", "Sampled=0")).parent == ""
    assert tracer(to_xray=True).begin("", XRAY.replace("557abcec3ee5a047", "../etc")).parent == ""
    assert len(tracer().begin("", "Root=1-x;Sampled=1").id) == 32


def test_about_the_part_that_was_asked_for_is_sampled_and_the_same_id_always_alike():
    quarter = tracer(Sampling(0.25, follows=True))
    sampled = [quarter.begin("").sampled for _ in range(4000)]
    assert 800 < sum(sampled) < 1200
    without = tracer(Sampling(0.25, follows=False))
    assert len({without.begin(GIVEN).sampled for _ in range(20)}) == 1


@pytest.fixture
def tracing():
    kept = Kept()
    spans.trace_with(tracer(exporter=kept))
    yield kept.taken
    spans.trace_with(None)


def test_spans_below_a_request_are_of_its_trace_and_those_that_are_only_counted_are_not_sent(tracing):
    with spans.request_span(GIVEN, "") as root, spans.agent_span("a", "") as agent:
        with measures.store_call("GetItem"):
            pass
        with measures.model_call("p", "m") as model:
            pass
    assert len(tracing) == 3
    assert root.trace is agent.trace is model.trace
    assert agent.parent is root


def test_what_is_not_sampled_is_sent_to_nobody_and_its_trace_goes_on_unsampled(tracing):
    with spans.request_span(GIVEN[:-2] + "00", "") as root:
        assert spans.traceparent() == f"00-{TRACE}-{root.id}-00"
        with spans.agent_span("a", ""), measures.model_call("p", "m"):
            pass
        with spans.agent_span("a", spans.traceparent()):
            pass
    assert tracing == []


def test_a_worker_continues_the_trace_of_the_request_that_created_the_response(tracing):
    with spans.request_span("", "") as worker, spans.agent_span("a", GIVEN) as agent:
        assert (agent.trace.id, agent.trace.parent) == (TRACE, PARENT)
        assert worker.trace.id != TRACE
        assert bytes.fromhex(PARENT) in (written := measured(agent))
        assert bytes.fromhex(worker.id) not in written


def measured(span):
    kept = Kept()
    tracer(exporter=kept)(span)
    return kept.taken[0]


def test_x_rays_span_of_a_request_is_the_one_of_the_trace_and_both_get_it(tracing):
    taken = []
    with Span("request", "antiphon", sink=taken.append) as outer, spans.request_span(GIVEN, "") as span:
        assert span is outer
        with measures.model_call("p", "m"):
            pass
    assert [each.kind for each in taken] == ["model", "request"]
    assert len(tracing) == 2


def test_a_span_that_cannot_be_described_is_dropped_and_its_request_goes_on(tracing, caplog):
    with spans.request_span("", ""):
        with Span("model", "p"):  # without the name of its model
            pass
        with measures.model_call("p", "half of a pair: \ud800"):
            pass
    assert len(tracing) == 2
    assert [line.message for line in caplog.records] == ["span not described"]


def test_a_span_of_a_coroutine_that_was_never_finished_ends_where_that_is_removed():
    """As in a process that ends: the interpreter closes it outside the task that began it."""
    ended = []

    async def called():
        with Span("tool", "find", sink=ended.append):
            await asyncio.sleep(0)

    coroutine = called()
    contextvars.copy_context().run(coroutine.send, None)
    coroutine.close()
    assert [(span.name, span.failure) for span in ended] == [("find", GeneratorExit)]


def test_a_clock_that_is_set_back_lets_no_span_end_before_it_began(tracing):
    with spans.request_span("", "") as span:
        span.begun += 100
    [sent] = map(Sent.FromString, tracing)
    assert sent.start_time_unix_nano == sent.end_time_unix_nano


def test_without_a_tracer_there_is_nothing():
    with spans.request_span(GIVEN, "") as span, spans.agent_span("a", GIVEN) as agent:
        assert (span, agent, spans.traceparent()) == (None, None, "")


def test_requests_at_once_do_not_share_a_trace(tracing):
    async def request():
        with spans.request_span("", "") as root:
            await asyncio.sleep(0)
            with spans.agent_span("a", "") as agent:
                await asyncio.sleep(0)
            return root.trace is agent.trace, root.trace.id

    async def all_of_them():
        return await asyncio.gather(*(asyncio.create_task(request()) for _ in range(20)))

    found = asyncio.run(all_of_them())
    assert all(same for same, _ in found)
    assert len({name for _, name in found}) == 20


def ended(kind, name, failure=None, **facts):
    span = Span(kind, name, sink=lambda _: None, **facts)
    span.__enter__()
    span.__exit__(type(failure) if failure else None, failure, None)
    return span


def described(*args, endpoint=None, **facts):
    return describe(ended(*args, **facts), lambda _: endpoint)


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"status": 200, "outcome": "completed"}, None),
        ({"status": 404, "code": "model_not_found"}, None),
        ({"status": 429, "code": "rate_limit_exceeded"}, None),
        ({"status": 503, "code": "storage_unavailable"}, "storage_unavailable"),
        ({"status": 500}, "500"),
        ({"status": 200, "outcome": "failed", "code": "model_error"}, "model_error"),
        ({"status": 200, "outcome": "cancelled"}, None),
    ],
)
def test_a_request_fails_by_its_status_or_its_response_and_never_by_its_caller(facts, error):
    found = described("request", "antiphon", method="POST", route="/v1/responses", **facts)
    assert (found.name, found.kind) == ("POST /v1/responses", SERVER)
    assert found.attributes.get("error.type") == error


def test_an_unknown_path_is_not_named():
    assert described("request", "antiphon", method="GET", route=None, status=404).name == "GET"


def test_a_model_call_that_fails_has_the_code_of_its_failure():
    endpoint = ProviderEndpoint(base_url="https://api.groq.com/openai/v1")
    failure = ProviderError("provider_rate_limited")
    found = described("model", "fast", failure, model="llama", temperature=1, max_output_tokens=5, endpoint=endpoint)
    assert repr(found.attributes["gen_ai.request.temperature"]) == "1.0"
    assert repr(found.attributes["gen_ai.request.max_tokens"]) == "5"
    assert (found.name, found.kind) == ("chat llama", CLIENT)
    assert found.attributes["error.type"] == "provider_rate_limited"
    assert found.attributes["gen_ai.provider.name"] == "groq"
    assert (found.attributes["server.address"], found.attributes["server.port"]) == ("api.groq.com", 443)


def test_a_tool_that_fails_has_the_cause():
    facts = {"kind_of_server": "knowledge_base", "label": "docs", "tool": "search", "call_id": "fs_1"}
    found = described("tool", "knowledge_base docs", failure=None, **facts)
    assert (found.name, found.kind) == ("execute_tool search", INTERNAL)
    assert found.attributes["gen_ai.tool.type"] == "datastore"
    assert "mcp.method.name" not in found.attributes
    span = ended("tool", "mcp crm", **facts | {"kind_of_server": "mcp"})
    span.facts["failure"] = "http"
    assert describe(span, lambda _: None).attributes["error.type"] == "http"


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (ProviderEndpoint(base_url="https://api.openai.com/v1"), "openai"),
        (ProviderEndpoint(base_url="https://x.openai.azure.com/openai/v1", dialect="azure"), "azure.ai.openai"),
        (ProviderEndpoint(kind="openai_responses"), "openai"),
        (ProviderEndpoint(kind="anthropic"), "anthropic"),
        (ProviderEndpoint(kind="bedrock"), "aws.bedrock"),
        (ProviderEndpoint(base_url="https://api.mistral.ai/v1"), "mistral_ai"),
        (ProviderEndpoint(base_url="http://localhost:11434/v1", dialect="ollama"), "mine"),
        (None, "mine"),
    ],
)
def test_a_provider_has_its_well_known_name_or_that_of_the_settings(endpoint, name):
    assert provider_name("mine", endpoint) == name
