"""Durable runs with the OpenAI SDK for Python, unchanged: background, streams that break, resuming, cancelling."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.support.service import Service

LIVE = {"queued", "in_progress"}


@pytest.fixture
def client(holding: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=holding.base_url, api_key=holding.key(), max_retries=0) as sdk:
        yield sdk


def polled(client: openai.OpenAI, response_id: str) -> Any:
    """Poll until a response has ended."""
    end = time.monotonic() + 60
    while (response := client.responses.retrieve(response_id)).status in LIVE:
        assert time.monotonic() < end, response
        time.sleep(0.05)
    return response


def release(client: openai.OpenAI) -> None:
    client.responses.create(model="agent", input="Release")


def broken(stream: Any, after: str = "response.output_text.delta") -> list[Any]:
    """Read a stream up to an event, and break its connection."""
    events = []
    for event in stream:
        events.append(event)
        if event.type == after:
            break
    stream.close()
    return events


def test_a_background_response_is_queued_and_polled_to_its_end(client: openai.OpenAI) -> None:
    queued = client.responses.create(model="agent", input="Hold", background=True)
    assert (queued.status, queued.background, queued.output_text) == ("queued", True, "")
    release(client)
    done = polled(client, queued.id)
    assert (done.status, done.output_text) == ("completed", "One two three")


def test_a_broken_background_stream_is_resumed_by_retrieve(client: openai.OpenAI) -> None:
    first = broken(client.responses.create(model="agent", input="Hold", background=True, stream=True))
    assert [event.type for event in first[:3]] == ["response.created", "response.queued", "response.in_progress"]
    release(client)
    last = first[-1].sequence_number
    rest = list(client.responses.retrieve(first[0].response.id, stream=True, starting_after=last))
    events = first + rest
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == rest[-1].response.output_text == "One two three"


def test_a_broken_background_stream_is_resumed_by_the_stream_helper(client: openai.OpenAI) -> None:
    with client.responses.stream(model="agent", input="Hold", background=True) as stream:
        first = []
        for event in stream:
            first.append(event)
            if event.type == "response.output_text.delta":
                break
    created: Any = first[0]
    last = first[-1].sequence_number
    release(client)
    with client.responses.stream(response_id=created.response.id, starting_after=last) as stream:
        rest = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in rest] == list(range(last + 1, last + 1 + len(rest)))
    deltas = [event for event in first + rest if event.type == "response.output_text.delta"]
    assert "".join(event.delta for event in deltas) == deltas[-1].snapshot == final.output_text == "One two three"


def test_a_running_foreground_response_is_followed_by_another_client(client: openai.OpenAI) -> None:
    stream = client.responses.create(model="agent", input="Hold", stream=True)
    events = iter(stream)
    first = [next(events) for _ in range(5)]
    created: Any = first[0]
    follower = client.responses.retrieve(created.response.id, stream=True)
    followed = [next(follower) for _ in range(5)]
    release(client)
    whole = [*first, *events]
    assert [event.to_dict(exclude_unset=True) for event in [*followed, *follower]][-1] == whole[-1].to_dict()
    assert [event.sequence_number for event in whole] == list(range(len(whole)))


def test_a_foreground_stream_that_broke_after_its_last_event_was_sent_is_read_again(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="agent", input="Hello", stream=True))
    created: Any = events[0]
    again = list(client.responses.retrieve(created.response.id, stream=True, starting_after=4))
    texts = [event.delta for event in events + again if event.type == "response.output_text.delta"]
    assert [event.sequence_number for event in again] == list(range(5, len(events)))
    assert texts == ["One ", "two ", "three", "two ", "three"]


def test_a_background_response_is_cancelled_and_again(client: openai.OpenAI) -> None:
    queued = client.responses.create(model="agent", input="Hold", background=True)
    cancelled = client.responses.cancel(queued.id)
    assert cancelled.status == "cancelled"
    assert client.responses.cancel(queued.id) == cancelled == client.responses.retrieve(queued.id)


def test_a_background_response_that_has_completed_cannot_be_cancelled(client: openai.OpenAI) -> None:
    done = polled(client, client.responses.create(model="agent", input="Hello", background=True).id)
    with pytest.raises(openai.BadRequestError, match=r"Cannot cancel a completed response\.") as refused:
        client.responses.cancel(done.id)
    assert (refused.value.code, refused.value.param) == ("response_ended", "response_id")
    assert client.responses.retrieve(done.id) == done


@pytest.mark.parametrize("background", [False, True])
def test_a_cancelled_stream_ends_for_the_helper_with_what_was_there(client: openai.OpenAI, background: bool) -> None:
    with client.responses.stream(model="agent", input="Hold", background=background) as stream:
        events = []
        for event in stream:
            events.append(event)
            if event.type == "response.output_text.delta":
                created: Any = events[0]
                assert client.responses.cancel(created.response.id).status == "cancelled"
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.status == "cancelled"
    assert events[-1].response.output[0].content[0].text == "One "  # type: ignore[union-attr]


def test_a_cancelled_response_is_streamed_again_by_the_helper(client: openai.OpenAI) -> None:
    first = broken(client.responses.create(model="agent", input="Hold", background=True, stream=True))
    client.responses.cancel(first[0].response.id)
    with client.responses.stream(response_id=first[0].response.id) as stream:
        events = list(stream)
    assert (events[-1].type, events[-1].response.status) == ("response.incomplete", "cancelled")  # type: ignore[union-attr]


async def test_the_asynchronous_helper_resumes_a_background_response(holding: Service) -> None:
    async with openai.AsyncOpenAI(base_url=holding.base_url, api_key=holding.key(), max_retries=0) as sdk:
        queued = await sdk.responses.create(model="agent", input="Hello", background=True)
        async with sdk.responses.stream(response_id=queued.id, starting_after=2) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
    assert kinds[0] == "response.output_item.added"
    assert final.output_text == "One two three"
