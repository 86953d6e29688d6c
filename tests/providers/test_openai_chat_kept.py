"""Reasoning and compactions on their way to Chat Completions, and what a call is estimated to weigh."""

from __future__ import annotations

from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_chat.description import UNKNOWN as CHAT
from antiphon.providers.openai_chat.request import chat_request
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, user

PNG = "data:image/png;base64,AAAA"


def kept(kind, *texts):
    return {"type": kind, "summary": [{"type": "summary_text", "text": text} for text in texts]}


def sent(*items, reasoning=True):
    return chat_request(model_call(items), CHAT, "compatible", reasoning=reasoning)["messages"]


def weight(*items, **fields):
    return OpenAIChat("http://127.0.0.1:9/v1").count_tokens(model_call(items, **fields))


def test_reasoning_stands_with_what_it_led_to():
    messages = sent(
        user("x"), kept("reasoning", "Hm."), assistant("42"), kept("reasoning", "So."), function_call("c", "f")
    )
    assert messages[1] == {"role": "assistant", "content": "42", "reasoning_content": "Hm."}
    assert messages[2]["reasoning_content"] == "So."
    assert messages[2]["tool_calls"][0]["id"] == "c"


def test_reasoning_is_left_out_where_it_is_not_taken():
    assert sent(user("x"), kept("reasoning", "Hm."), assistant("42"), reasoning=False) == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "42"},
    ]


def test_empty_reasoning_is_nothing():
    assert sent(kept("reasoning"), assistant("42")) == [{"role": "assistant", "content": "42"}]


def test_a_compaction_is_something_that_the_model_said():
    assert sent(user("x"), kept("compaction", "In short.")) == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "In short."},
    ]


def test_a_compaction_with_openais_own_dialect_is_the_same():
    messages = chat_request(model_call([kept("compaction", "In short.")]), CHAT, "openai")["messages"]
    assert messages == [{"role": "assistant", "content": "In short."}]


def test_every_part_of_a_call_has_its_weight():
    assert weight(user("abcd")) == 5
    assert weight(user("abcde")) == 6
    assert weight(user("日本")) == 6
    assert weight(user("abcd"), instructions="abcdefgh") == 7
    assert weight(function_call("c", "name", "{}"), function_call_output("c", "abcd")) == 6 + 5
    assert weight(user("abcd"), tools=[function_tool("f")]) > 20
    assert weight(user([{"type": "input_image", "image_url": PNG, "detail": "low"}])) == 4 + 85
    assert weight(user([{"type": "input_image", "image_url": PNG, "detail": "auto"}])) == 4 + 765
    assert weight(user([{"type": "input_file", "file_data": "A" * 100_000}])) == 4 + 1500
    assert weight(kept("compaction", "abcd")) == 5


def test_reasoning_weighs_only_where_it_is_given():
    assert weight(kept("reasoning", "abcd")) == 0
    taking = OpenAIChat("http://127.0.0.1:9/v1", reasoning_content=True)
    assert taking.count_tokens(model_call([kept("reasoning", "abcd")])) == 5
