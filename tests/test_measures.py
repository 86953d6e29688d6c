"""The record of a request, and its spans."""

import asyncio
import time

import pytest

from antiphon import measures
from antiphon.spans import Span

ENDED = {
    "status": "incomplete",
    "error": None,
    "output": [{"type": "message"}, {"type": "function_call"}, {"type": "mcp_call"}],
    "usage": {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 2},
    },
}


async def test_the_tasks_of_a_request_share_its_record_and_no_other_requests():
    async def request(name):
        record = measures.begin("GET", name)
        await asyncio.gather(*(asyncio.create_task(call()) for _ in range(3)))
        return record

    async def call():
        await asyncio.sleep(0)
        with measures.store_call("GetItem"):
            await asyncio.sleep(0)

    async def main():
        return await asyncio.gather(*(asyncio.create_task(request(name)) for name in ("/a", "/b")))

    assert [(record.route, record.store_calls) for record in (await main())] == [("/a", 3), ("/b", 3)]


def test_notes_outside_a_request_go_nowhere():
    measures.current().code = "internal_error"
    assert measures.current().code is None


def test_how_a_response_ended_is_read_off_its_resource():
    record = measures.Measures()
    record.take(ENDED)
    assert (record.outcome, record.code, record.tool_calls) == ("incomplete", None, 2)
    told = (record.input_tokens, record.cached_tokens, record.output_tokens, record.reasoning_tokens)
    assert told == (5, 4, 3, 2)


def test_a_failure_has_its_code_and_a_response_without_usage_no_tokens():
    record = measures.Measures()
    record.take(ENDED | {"status": "failed", "error": {"code": "model_error", "message": "M"}, "usage": None})
    assert (record.outcome, record.code, record.input_tokens) == ("failed", "model_error", None)


def test_the_time_to_the_first_token_is_told_only_where_a_response_was_made():
    record = measures.Measures()
    record.begun, record.first_delta, record.ended = 10.0, 10.5, 12.0
    replayed = record.facts()
    record.take(ENDED)
    assert "ttft_ms" not in replayed
    assert (record.facts()["ttft_ms"], record.facts()["duration_ms"]) == (500.0, 2000.0)


def test_facts_leave_out_what_is_not_known_and_all_clocks():
    assert measures.Measures("GET").facts() == {
        "method": "GET",
        "provider_retries": 0,
        "tool_calls": 0,
        "store_calls": 0,
        "store_retries": 0,
        "broken": False,
    }


def test_spans_nest_and_each_is_taken_when_it_ends():
    taken = []
    before = time.time()
    with Span("request", "antiphon", sink=taken.append) as root:
        with measures.model_call("openai", "gpt") as call, measures.fetch() as fetch:
            pass
        with pytest.raises(ValueError, match="x"), measures.store_call("GetItem") as store:
            raise ValueError("x")
    assert taken == [fetch, call, store, root]
    assert (fetch.parent, call.parent, store.parent, root.parent) == (call, root, root, None)
    assert (store.failure, call.failure) == (ValueError, None)
    assert all(before <= span.begun <= span.ended for span in taken)
    assert len({span.id for span in taken}) == len(taken)


def test_a_span_that_nobody_takes_has_no_id():
    with measures.fetch() as span:
        pass
    assert (span.id, span.sinks, span.parent) == ("", (), None)
