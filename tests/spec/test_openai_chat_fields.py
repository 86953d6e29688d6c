"""Every field of the real openai-python's chat requests is known here: honoured, refused, or ignored and documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai.types.chat as theirs
import pytest
from openai.types.chat import chat_completion_message_function_tool_call as calls
from openai.types.chat import completion_create_params as creating
from openai.types.chat import parsed_function_tool_call as parsed

from antiphon.chat import messages, request
from antiphon.chat.translation import parse_chat
from antiphon.errors import ApiError

PAGE = (Path(__file__).parents[2] / "docs/chat.md").read_text(encoding="utf-8")
CHAT: dict[str, Any] = {"model": "agent", "messages": [{"role": "user", "content": "Hi"}]}
FIELDS = sorted({*creating.CompletionCreateParamsBase.__annotations__, "stream"})
MESSAGES = [
    (messages.ChatUser, theirs.ChatCompletionUserMessageParam),
    (messages.ChatInstructing, theirs.ChatCompletionSystemMessageParam),
    (messages.ChatInstructing, theirs.ChatCompletionDeveloperMessageParam),
    (messages.ChatAssistant, theirs.ChatCompletionAssistantMessageParam),
    (messages.ChatAssistant, theirs.ChatCompletionMessage),
    (messages.ChatAssistant, theirs.ParsedChatCompletionMessage),
    (messages.ChatOutput, theirs.ChatCompletionToolMessageParam),
    (messages.ChatCall, theirs.ChatCompletionMessageFunctionToolCall),
    (messages.ChatCalled, calls.Function),
    (messages.ChatCalled, parsed.ParsedFunction),
    (messages.ChatCustomCall, theirs.ChatCompletionMessageCustomToolCall),
]


def names(form: Any) -> set[str]:
    return set(getattr(form, "model_fields", None) or form.__annotations__)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_known_and_on_the_page(field: str) -> None:
    model = request.CreateChatCompletion
    assert field in model.model_fields.keys() | model.unserved | request.IGNORED
    assert f"`{field}`" in PAGE


@pytest.mark.parametrize("field", sorted(set(FIELDS) - {"model", "messages"}))
def test_null_is_absent(field: str) -> None:
    assert parse_chat({**CHAT, field: None}).request == parse_chat(CHAT).request


@pytest.mark.parametrize("field", sorted(request.CreateChatCompletion.unserved))
def test_a_field_that_is_not_served_is_refused_by_name(field: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_chat({**CHAT, field: {"a": 1}})
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", field)


@pytest.mark.parametrize("field", sorted(request.IGNORED))
def test_a_field_that_is_ignored_is_on_the_page(field: str) -> None:
    assert parse_chat({**CHAT, field: "x"}).request == parse_chat(CHAT).request
    assert f"`{field}`" in PAGE


@pytest.mark.parametrize(("ours", "form"), MESSAGES, ids=lambda value: value.__name__)
def test_every_field_of_a_message_is_known(ours: Any, form: Any) -> None:
    assert names(form) <= set(ours.model_fields) | ours.unserved
