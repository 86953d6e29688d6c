"""The feed: everything arrives once and in order, and the run never waits for its listener."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from hypothesis import given
from hypothesis import strategies as st

from antiphon.stream.feed import Feed

NEVER = 3600.0
"""Seconds that no test lasts."""

SOON = 0.001
"""Seconds of silence that every listener outwaits."""


def event(number):
    return {"type": "response.output_text.delta", "sequence_number": number}


async def collect(feed, idle=NEVER):
    return [batch async for batch in feed.batches(idle)]


def flat(batches):
    return [event["sequence_number"] for batch in batches for event in batch]


async def test_what_came_before_the_listener_is_handed_over_at_once():
    feed = Feed()
    for number in range(3):
        feed.put(event(number))
    feed.close()
    assert await collect(feed) == [[event(0), event(1), event(2)]]


async def test_a_feed_that_is_closed_without_an_event_ends():
    feed = Feed()
    listener = asyncio.create_task(collect(feed))
    await asyncio.sleep(0)
    feed.close()
    assert await listener == []


async def test_an_event_wakes_the_listener():
    feed = Feed()
    async with aclosing(feed.batches(NEVER)) as batches:
        waiting = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        feed.put(event(0))
        assert await waiting == [event(0)]


async def test_events_put_before_the_close_arrive_before_the_end():
    feed = Feed()
    listener = asyncio.create_task(collect(feed))
    await asyncio.sleep(0)
    feed.put(event(0))
    feed.put(event(1))
    feed.close()
    assert flat(await listener) == [0, 1]


@given(st.lists(st.integers(0, 5), max_size=8))
async def test_everything_arrives_once_and_in_order_however_it_comes(bursts):
    feed = Feed()
    listener = asyncio.create_task(collect(feed))
    numbers = iter(range(1000))
    for burst in bursts:
        for _ in range(burst):
            feed.put(event(next(numbers)))
        await asyncio.sleep(0)
    feed.close()
    assert flat(await listener) == list(range(sum(bursts)))


async def test_silence_gives_an_empty_batch_again_and_again():
    feed = Feed()
    async with aclosing(feed.batches(SOON)) as batches:
        assert await anext(batches) == []
        assert await anext(batches) == []
        feed.put(event(0))
        assert await anext(batches) == [event(0)]
        assert await anext(batches) == []


async def test_the_run_does_not_wait_for_a_listener_that_stalls():
    feed = Feed()
    async with aclosing(feed.batches(NEVER)) as batches:
        feed.put(event(0))
        assert await anext(batches) == [event(0)]
        for number in range(1, 1001):
            feed.put(event(number))
        feed.close()
        assert [len(batch) async for batch in batches] == [1000]


async def test_a_listener_that_leaves_does_not_disturb_the_run():
    feed = Feed()
    listener = asyncio.create_task(collect(feed))
    await asyncio.sleep(0)
    listener.cancel()
    await asyncio.wait([listener])
    assert listener.cancelled()
    feed.put(event(0))
    feed.close()
    assert flat(await collect(feed)) == [0]
