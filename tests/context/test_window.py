"""Which turns go when a context does not fit: whole ones, the oldest first, and never what must stay."""

from __future__ import annotations

import pytest

from antiphon.context.window import fitted, older_turns
from antiphon.errors import ApiError
from antiphon.providers.demo.tokens import count_tokens
from tests.support.calls import assistant, function_call, function_call_output, model_call, user

DEVELOPER = {"type": "message", "role": "developer", "content": "d"}
COMPACTION = {"type": "compaction", "summary": [{"type": "summary_text", "text": "k"}]}
TALK = [user("a"), assistant("b"), user("c"), assistant("d"), user("e")]


def cut(items, tokens, *, new=1, truncation="auto", **settings):
    call = model_call(items, truncation=truncation, **{"max_output_tokens": None, **settings})
    return list(fitted(call, tokens, new, count_tokens).items)


@pytest.mark.parametrize(("tokens", "kept"), [(5, TALK), (4, TALK[2:]), (3, TALK[2:]), (2, TALK[4:]), (1, TALK[4:])])
def test_the_oldest_turns_go_until_the_rest_fits(tokens, kept):
    assert cut(TALK, tokens) == kept


def test_nothing_goes_where_the_window_is_not_known():
    assert cut(TALK, None) == TALK


def test_room_for_the_answer_is_kept():
    assert cut(TALK, 20, max_output_tokens=16) == TALK[2:]


def test_disabled_refuses_what_does_not_fit():
    with pytest.raises(ApiError) as caught:
        cut(TALK, 4, truncation="disabled")
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "context_length_exceeded", "input")


def test_a_new_input_that_does_not_fit_alone_is_refused():
    with pytest.raises(ApiError):
        cut([user("a"), user("b c d")], 2)


def test_what_instructs_and_what_stands_for_earlier_turns_stays():
    assert cut([COMPACTION, DEVELOPER, *TALK], 3) == [COMPACTION, DEVELOPER, TALK[4]]


def test_a_call_and_its_output_go_or_stay_together():
    items = [
        user("a"),
        function_call("c1", "f", "x"),
        user("b"),
        function_call_output("c1", "y"),
        assistant("z"),
        user("e"),
    ]
    assert older_turns(items, 1) == [range(5)]
    assert cut(items, 3) == [user("e")]


def test_a_call_that_the_new_input_answers_stays_with_its_turn():
    items = [user("a"), assistant("b"), user("c"), function_call("c1", "f", "x"), function_call_output("c1", "y")]
    assert older_turns(items, 1) == [range(2)]
    with pytest.raises(ApiError):
        cut(items, 2)


def test_the_whole_new_input_stays_however_many_turns_it_has():
    assert cut([*TALK[:2], *TALK], 5, new=5) == TALK


def test_where_the_input_is_the_whole_conversation_its_last_turn_stays():
    assert cut(TALK, 2, new=0) == TALK[4:]


def test_messages_of_a_user_in_a_row_are_one_turn():
    items = [user("a"), user("b"), assistant("c"), user("d")]
    assert older_turns(items, 1) == [range(3)]
