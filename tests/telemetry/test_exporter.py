"""What becomes of spans, whatever the receiver does: over real sockets, with a clock that the test moves."""

import asyncio
import logging
import socket

import pytest

from antiphon.telemetry.exporter import LONGEST_BACKOFF, MOST_AT_ONCE, MOST_QUEUED, Exporter
from antiphon.telemetry.post import OtlpPost
from antiphon.telemetry.wire import CLIENT, span
from tests.support.certificates import self_signed
from tests.support.collector import Reply, collector
from tests.support.ports import free_port

SECONDS = 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def made(number: int) -> bytes:
    return span(f"{number + 1:032x}", f"{number + 1:016x}", "", f"span {number}", CLIENT, (1.0, 2.0), {"n": number})


async def no_headers() -> dict[str, str]:
    return {}


def exporting(url, work, *, headers=no_headers):
    """Run a coroutine function with an exporter to a URL and its clock; return the exporter."""

    async def run():
        clock = Clock()
        post = OtlpPost(f"{url}/v1/traces", headers, {"service.name": "test"})
        exporter = Exporter(post, clock)
        try:
            await work(exporter, clock)
        finally:
            await post.aclose()
        return exporter

    return asyncio.run(run())


def test_spans_leave_in_batches_and_in_order():
    async def work(exporter, _):
        for number in range(MOST_AT_ONCE + 1):
            exporter.add(made(number))
        await exporter.flush(SECONDS)

    with collector() as found:
        exporter = exporting(found.url, work)
    assert [each.name for each in found.spans] == [f"span {number}" for number in range(MOST_AT_ONCE + 1)]
    assert len(found.requests) == 2
    assert exporter.dropped == 0


def test_a_receiver_that_asks_for_a_pause_gets_it_and_then_every_span_once():
    async def work(exporter, clock):
        exporter.add(made(0))
        await exporter.flush(SECONDS)
        clock.now += 6.9
        exporter.add(made(1))
        await exporter.flush(SECONDS)
        assert len(found.requests) == 1
        clock.now += 0.2
        await exporter.flush(SECONDS)

    with collector([Reply(429, {"retry-after": "7"})]) as found:
        exporter = exporting(found.url, work)
    assert [each.name for each in found.spans] == ["span 0", "span 1"]
    assert exporter.dropped == 0


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_receiver_that_fails_is_asked_less_and_less_often(status):
    async def work(exporter, clock):
        exporter.add(made(0))
        await exporter.flush(SECONDS)
        for pause in (1, 2, 4):
            clock.now += pause - 0.1
            await exporter.flush(SECONDS)
            asked.append(len(found.requests))
            clock.now += 0.2
            await exporter.flush(SECONDS)
            asked.append(len(found.requests))

    asked = []
    with collector([Reply(status)] * 3) as found:
        exporter = exporting(found.url, work)
    assert asked == [1, 2, 2, 3, 3, 4]
    assert [each.name for each in found.spans] == ["span 0"]
    assert exporter.dropped == 0


def test_a_pause_is_never_longer_than_the_limit():
    async def work(exporter, clock):
        exporter.add(made(0))
        await exporter.flush(SECONDS)
        clock.now += LONGEST_BACKOFF + 0.1
        await exporter.flush(SECONDS)

    with collector([Reply(503, {"retry-after": "86400"})]) as found:
        exporting(found.url, work)
    assert len(found.spans) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 500, 307])
def test_what_a_receiver_refuses_is_dropped_and_counted_and_the_next_is_sent(status, caplog):
    async def work(exporter, _):
        exporter.add(made(0))
        exporter.add(made(1))
        await exporter.flush(SECONDS)
        exporter.add(made(2))
        await exporter.flush(SECONDS)

    with collector([Reply(status, {"location": "http://127.0.0.1:1/"})]) as found, caplog.at_level(logging.WARNING):
        exporter = exporting(found.url, work)
    assert [each.name for each in found.spans] == ["span 2"]
    assert exporter.dropped == 2
    told = [(line.message, getattr(line, "code", None), getattr(line, "count", None)) for line in caplog.records]
    assert told == [("spans refused", str(status), None), ("spans dropped", None, 2)]


def test_spans_that_are_refused_out_of_a_batch_are_counted():
    async def work(exporter, _):
        for number in range(300):
            exporter.add(made(number))
        await exporter.flush(SECONDS)

    with collector([Reply(rejected=200)]) as found:
        assert exporting(found.url, work).dropped == 200


def test_a_receiver_that_is_away_gets_the_spans_when_it_is_back():
    async def work(exporter, clock):
        exporter.add(made(0))
        await exporter.flush(SECONDS)
        with collector(port=port) as found:
            clock.now += 1.1
            await exporter.flush(SECONDS)
        assert [each.name for each in found.spans] == ["span 0"]

    port = free_port()
    assert exporting(f"http://127.0.0.1:{port}", work).dropped == 0


def test_a_receiver_that_does_not_answer_is_left_after_the_time_that_there_is(caplog):
    async def work(exporter, clock):
        exporter.add(made(0))
        begun = asyncio.get_running_loop().time()
        await exporter.flush(0.3)
        assert 0.2 < asyncio.get_running_loop().time() - begun < 5
        clock.now += 1.1
        await exporter.flush(SECONDS)

    with collector([Reply(hangs=True)]) as found:
        exporter = exporting(found.url, work)
    assert [each.name for each in found.spans] == ["span 0"]
    assert exporter.dropped == 0
    assert [line.code for line in caplog.records] == ["timeout"]


def test_a_certificate_that_nobody_vouches_for_gets_nothing(tmp_path, caplog):
    async def work(exporter, _):
        exporter.add(made(0))
        await exporter.flush(SECONDS)
        await exporter.aclose(1)

    with collector(certificate=self_signed(tmp_path)) as found:
        exporter = exporting(found.url, work)
    assert found.requests == []
    assert exporter.dropped == 1
    assert [line.message for line in caplog.records][-1] == "spans dropped"


def test_no_more_spans_are_kept_than_the_limit_and_the_others_are_counted_once(caplog):
    async def work(exporter, _):
        for number in range(MOST_QUEUED + 30):
            exporter.add(made(number))
        await exporter.flush(SECONDS)
        await exporter.flush(SECONDS)

    with collector() as found:
        exporter = exporting(found.url, work)
    assert len(found.spans) == MOST_QUEUED
    assert exporter.dropped == 30
    assert [line.count for line in caplog.records] == [30]


def test_a_connection_that_was_closed_meanwhile_costs_no_span_and_no_pause():
    async def work(exporter, _):
        for number in range(3):
            exporter.add(made(number))
            await exporter.flush(SECONDS)

    with collector([Reply(), Reply(closes=True)]) as found:
        exporter = exporting(found.url, work)
    assert [each.name for each in found.spans] == ["span 0", "span 1", "span 2"]
    assert len(found.requests) == 4
    assert exporter.dropped == 0


def test_a_receiver_that_always_closes_the_connection_is_asked_again_later(caplog):
    async def work(exporter, clock):
        exporter.add(made(0))
        await exporter.flush(SECONDS)
        await exporter.flush(SECONDS)
        assert len(found.requests) == 2
        clock.now += 1.1
        await exporter.flush(SECONDS)

    with collector([Reply(closes=True)] * 2) as found:
        exporting(found.url, work)
    assert [each.name for each in found.spans] == ["span 0"]
    assert [line.code for line in caplog.records] == ["cut"]


def test_an_answer_that_refuses_more_than_was_sent_counts_what_was_sent():
    async def work(exporter, _):
        exporter.add(made(0))
        await exporter.flush(SECONDS)

    with collector([Reply(rejected=10**12)]) as found:
        assert exporting(found.url, work).dropped == 1


def test_a_failure_to_read_the_headers_costs_no_more_than_the_spans():
    async def broken():
        raise RuntimeError("no secret")

    async def work(exporter, _):
        exporter.add(made(0))
        await exporter.flush(SECONDS)
        await exporter.aclose(1)

    with collector() as found:
        assert exporting(found.url, work, headers=broken).dropped == 1
    assert found.requests == []


def test_what_comes_is_sent_by_itself_when_there_is_much_of_it():
    async def work(exporter, _):
        task = asyncio.create_task(exporter.run())
        for number in range(MOST_AT_ONCE):
            exporter.add(made(number))
        await asyncio.to_thread(found.until, f"span {MOST_AT_ONCE - 1}")
        task.cancel()

    with collector() as found:
        exporting(found.url, work)


def test_a_redirect_is_not_followed():
    async def work(exporter, _):
        exporter.add(made(0))
        await exporter.flush(SECONDS)

    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        where = f"http://127.0.0.1:{other.getsockname()[1]}/v1/traces"
        with collector([Reply(308, {"location": where})]) as found:
            assert exporting(found.url, work).dropped == 1
        with pytest.raises(TimeoutError):
            other.accept()
