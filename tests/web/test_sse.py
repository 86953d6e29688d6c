"""How events become writes."""

from antiphon.web.sse import MAX_WRITE_BYTES, frame, writes


def delta(number, text):
    return {"type": "response.output_text.delta", "sequence_number": number, "delta": text}


def test_frames_that_are_ready_together_leave_in_one_write():
    events = [delta(number, "word") for number in range(50)]
    assert list(writes(events)) == [b"".join(map(frame, events))]


def test_a_write_of_several_frames_is_bounded_and_holds_whole_frames():
    events = [delta(number, "x" * 1_000) for number in range(100)]
    sent = list(writes(events))
    assert b"".join(sent) == b"".join(map(frame, events))
    assert all(len(body) <= MAX_WRITE_BYTES and body.startswith(b"event: ") and body.endswith(b"\n\n") for body in sent)
    assert len(sent) == 8


def test_a_frame_over_the_bound_is_a_write_of_its_own():
    events = [delta(0, "a"), delta(1, "b" * 2 * MAX_WRITE_BYTES), delta(2, "c")]
    assert list(writes(events)) == [frame(event) for event in events]


def test_no_events_are_no_write():
    assert list(writes([])) == []
