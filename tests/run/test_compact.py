"""What a compaction keeps, in which order, and that it is smaller than what it stands for."""

from __future__ import annotations

import json

import pytest

from antiphon.providers.demo.tokens import pieces
from antiphon.run.compact import CALLED, INTRODUCTION, MAX_CHARACTERS, SAID, TOLD, compacted, transcript
from tests.support.calls import assistant, function_call, function_call_output, user


def test_what_was_said_called_and_told_stands_in_order_with_the_message_it_followed():
    items = [
        user("Weather?"),
        function_call("c1", "get_weather", '{"city":"Paris"}'),
        function_call_output("c1", "Sunny"),
        assistant("It is sunny."),
        {"type": "message", "role": "developer", "content": "Be brief."},
        user("Thanks"),
        assistant("Welcome."),
    ]
    assert transcript(items, MAX_CHARACTERS).splitlines() == [
        INTRODUCTION,
        "[After message 1]",
        'I called get_weather({"city":"Paris"}), call c1',
        "Call c1 gave: Sunny",
        "I said: It is sunny.",
        "[After message 3]",
        "I said: Welcome.",
    ]


def test_reasoning_is_not_kept():
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    assert transcript([user("a"), thought], MAX_CHARACTERS).strip() == INTRODUCTION


def test_parts_that_are_no_text_leave_their_kind():
    output = [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]
    assert "Call c gave: see [input_image]" in transcript([function_call_output("c", output)], MAX_CHARACTERS)


@pytest.mark.parametrize(
    ("item", "limit"),
    [
        (assistant("ab" * 5000), SAID),
        (function_call("c", "f", "ab" * 5000), CALLED),
        (function_call_output("c", "ab" * 5000), TOLD),
    ],
)
def test_a_long_text_keeps_its_beginning_and_end(item, limit):
    text = transcript([item], MAX_CHARACTERS)
    assert limit <= len(text) - len(INTRODUCTION) < limit + 120
    assert f"{10_000 - limit} characters left out" in text


def test_an_earlier_compaction_is_taken_over_once():
    first = transcript([user("a"), assistant("b")], MAX_CHARACTERS)
    compaction = {"type": "compaction", "summary": [{"type": "summary_text", "text": first}]}
    again = transcript([user("a"), compaction, user("c"), assistant("d")], MAX_CHARACTERS)
    assert again == f"{first}\n[After message 2]\nI said: d"
    assert transcript([user("a"), compaction], MAX_CHARACTERS) == first


def test_over_the_limit_the_oldest_goes():
    text = transcript([assistant(f"Answer {number}.") for number in range(10_000)], 1000)
    assert text.endswith("I said: Answer 9999.")
    assert "Answer 1." not in text
    assert len(text) < 1200


def test_it_is_smaller_in_characters_and_tokens_than_what_it_stands_for():
    items = []
    for number in range(20):
        items += [
            user(f"Question {number}"),
            function_call(f"call_{number}", "search", json.dumps({"query": f"q{number}"})),
            function_call_output(f"call_{number}", f"Result {number}. " * 200),
            assistant(f"Answer {number}, with all its reasons. " * 30),
        ]
    replaced = json.dumps([item for item in items if item.get("role") != "user"])
    text = transcript(items, MAX_CHARACTERS)
    assert len(text) < len(replaced) / 2
    assert len(pieces(text)) < len(pieces(replaced)) / 2


def estimate(items):
    """Count as the providers without a counter do: a token for four characters, and 4 for each item."""
    return sum(4 + len(json.dumps(item.get("content") or item.get("output") or item)) // 4 for item in items)


def turns(count, ask, say, told=""):
    items = []
    for number in range(count):
        items.append(user(f"{number}: {ask}"))
        if told:
            call = f"call_{number}"
            items += [function_call(call, "search", "{}"), function_call_output(call, f"{number}: {told}")]
        items.append(assistant(f"{number}: {say}"))
    return items


TALKS = {
    "long outputs": turns(20, "Find it.", "Here it is.", "Some result of a search. " * 100),
    "long answers": turns(20, "Tell me more.", "There is much to say about it. " * 100),
    "short messages": turns(200, "How are you today?", "I am fine, thank you."),
    "long questions": turns(20, "Read this text with me, please. " * 100, "Done."),
    "one long question after many": [*turns(30, "And this? " * 40, "Yes. " * 40), user("Well? " * 200)],
    "instructions between": [
        {"type": "message", "role": "developer", "content": "Be kind."},
        *turns(99, "Hm?", "Yes."),
    ],
}


@pytest.mark.parametrize("items", TALKS.values(), ids=TALKS)
def test_a_conversation_is_at_least_halved(items):
    found = compacted(items, MAX_CHARACTERS, estimate)
    assert found.halved
    assert found.after <= found.before / 2
    last = max(place for place, item in enumerate(items) if item.get("role") == "user")
    assert last in found.kept, "the newest message of the user stays"
    assert {place for place, item in enumerate(items) if item.get("role") == "developer"} <= set(found.kept)


def test_a_conversation_is_halved_again_and_again():
    items = turns(40, "Read this text with me, please. " * 20, "It says that. " * 80)
    for _ in range(5):
        found = compacted(items, MAX_CHARACTERS, estimate)
        assert found.halved
        summary = {"type": "compaction", "summary": [{"type": "summary_text", "text": found.text}]}
        items = [*(items[place] for place in found.kept), summary, *turns(10, "Go on.", "Next part. " * 80)]


def test_no_more_is_left_out_than_halving_needs():
    items = turns(20, "Find it.", "Here it is.", "Some result of a search. " * 100)
    found = compacted(items, MAX_CHARACTERS, estimate)
    assert len(found.kept) == 20, "all messages of the user stay"
    assert found.text.count("I said: ") == 20


def test_older_messages_of_the_user_are_shortened_only_where_they_weigh_too_much():
    items = turns(20, "Read this text with me, please. " * 100, "Done.")
    found = compacted(items, MAX_CHARACTERS, estimate)
    assert 1 <= len(found.kept) < 20
    assert found.kept == sorted(found.kept)
    assert "The user said: " in found.text


def test_what_cannot_be_halved_stays_whole_and_says_so():
    items = turns(1, "Hi", "Hello")
    found = compacted(items, MAX_CHARACTERS, estimate)
    assert not found.halved
    assert found.kept == [0]
    assert "I said: 0: Hello" in found.text
