"""Images in the output of a function, for models that read them only in a user's message."""

from __future__ import annotations

import pytest

from antiphon.answering.bound_model import BoundModel
from antiphon.ports import ModelProvider
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.bedrock.adapter import Bedrock
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from tests.support.calls import function_call, function_call_output, model_call

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
CALL = model_call([function_call("c", "look"), function_call_output("c", [IMAGE])])


@pytest.mark.parametrize(
    ("model", "provider", "moved"),
    [
        ("eu.amazon.nova-pro-v1:0", Bedrock(), True),
        ("eu.anthropic.claude-opus-4-8", Bedrock(), False),
        ("claude-opus-4-8", Anthropic(), False),
        ("m", OpenAIResponses("http://localhost/v1", dialect="llama.cpp"), True),
        ("gpt-5", OpenAIResponses(), False),
    ],
)
def test_an_image_in_an_output_moves_if_the_model_itself_reads_it_only_in_messages(
    model: str, provider: ModelProvider, moved: bool
) -> None:
    """docs/providers.md: what one model of a provider reads is not what another reads."""
    *_, last = BoundModel("p", model, provider).own(CALL).items
    assert (last["type"] == "message" and IMAGE in last["content"]) == moved
    BoundModel("p", model, provider).check(CALL)
