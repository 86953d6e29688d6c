"""What a call becomes as a Converse request."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from antiphon.errors import ApiError
from antiphon.ports import (
    ModelCall,
)
from antiphon.providers.bedrock.request import converse_request
from antiphon.providers.description import family_of
from antiphon.providers.require import require
from tests.support.bedrock import CLAUDE
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, user
from tests.support.conversations import PDF, PIXEL

pytestmark = pytest.mark.usefixtures("aws_keys")

# requests


def body(asked: ModelCall, model: str = CLAUDE, **more: Any) -> dict[str, Any]:
    """Write a request and let boto3 hold it against the service's model."""
    asked = replace(asked, model=model)
    can = family_of("bedrock", model).capabilities
    require(can, asked)
    arguments = converse_request(asked, can, **more)
    client = boto3.client("bedrock-runtime", region_name="eu-central-1")
    with Stubber(client) as stubber:
        stubber.add_response("converse_stream", {}, arguments)
        client.converse_stream(**arguments)
    client.close()
    return arguments


@pytest.mark.parametrize(
    ("model", "effort", "fields", "output"),
    [
        ("anthropic.claude-opus-4-8", "xhigh", {"thinking": {"type": "adaptive"}}, {"effort": "xhigh"}),
        (CLAUDE, "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None),
        (CLAUDE, "none", None, None),
    ],
)
def test_effort_becomes_what_the_family_understands(model, effort, fields, output):
    sent = body(model_call(reasoning={"effort": effort}), model)
    assert (sent.get("additionalModelRequestFields"), sent.get("outputConfig")) == (fields, output)


def test_a_budget_needs_room():
    with pytest.raises(ApiError) as caught:
        body(model_call(reasoning={"effort": "low"}, max_output_tokens=1024))
    assert caught.value.param == "max_output_tokens"


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "name": "f"}, {"tool": {"name": "f"}}),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, {"any": {}}),
    ],
)
def test_every_tool_choice_is_translated(choice, told):
    assert body(model_call(tools=[function_tool("f")], tool_choice=choice))["toolConfig"]["toolChoice"] == told


def test_a_guardrail_a_schema_and_a_tier_are_told():
    form = {"type": "json_schema", "name": "n", "description": "d", "schema": {"type": "object"}, "strict": True}
    sent = body(
        model_call(text={"format": form}, service_tier="flex", temperature=0.5, max_output_tokens=50),
        guardrail="arn:aws:bedrock:eu-central-1:123456789012:guardrail/abc:3",
    )
    assert sent["guardrailConfig"] == {
        "guardrailIdentifier": "arn:aws:bedrock:eu-central-1:123456789012:guardrail/abc",
        "guardrailVersion": "3",
    }
    schema = {"schema": '{"type": "object"}', "name": "n", "description": "d"}
    assert sent["outputConfig"]["textFormat"] == {"type": "json_schema", "structure": {"jsonSchema": schema}}
    assert (sent["serviceTier"], sent["inferenceConfig"]) == ({"type": "flex"}, {"maxTokens": 50, "temperature": 0.5})


def test_cache_points_stand_after_what_the_next_turn_repeats():
    asked = model_call("Hi", instructions="Be brief.", prompt_cache_key="k")
    point = {"cachePoint": {"type": "default"}}
    sent = body(asked)
    assert (sent["system"][-1], sent["messages"][-1]["content"][-1]) == (point, point)
    assert point not in body(asked, "meta.llama3-3-70b-instruct-v1:0")["system"]


POINT = {"cachePoint": {"type": "default"}}


FILES = {
    "text": {"type": "input_text", "text": "x"},
    "notes": {"type": "input_file", "filename": "n.txt", "file_data": "data:text/plain;base64,SGk="},
    "pdf": {"type": "input_file", "filename": "p.pdf", "file_data": PDF},
}


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        (["text", "pdf"], 2),
        (["text", "notes"], 1),
        (["text", "notes", "notes"], 1),
        (["notes", "text"], 2),
        (["pdf", "notes", "text", "notes"], 3),
    ],
)
def test_a_cache_point_stands_before_documents_that_are_no_pdf(parts, place):
    """strands-agents/sdk-python: Converse refuses a mark after a document that is no PDF, and a mark that is first."""
    content = body(model_call([user([FILES[part] for part in parts])], prompt_cache_key="k"))["messages"][0]["content"]
    assert content.index(POINT) == place
    assert content.count(POINT) == 1


def test_a_cache_point_is_never_first():
    items = [user([FILES["notes"]])]
    content = body(model_call(items, prompt_cache_key="k"))["messages"][0]["content"]
    assert content[0] != POINT


def test_names_of_documents_are_unique_after_their_cut_and_have_no_double_spaces():
    names = ["a" * 300, "a" * 301, "b" * 189 + " c", "b" * 189 + " d", "x", "x 2", "x", "y  z", "y\u00a0\u2003z"]
    files = [{"type": "input_file", "filename": f"{name}.pdf", "file_data": PDF} for name in names]
    content = body(model_call([user(files)]))["messages"][0]["content"]
    told = [block["document"]["name"] for block in content if "document" in block]
    assert len(set(told)) == len(names)
    assert not any("  " in name or len(name) > 200 or name != name.strip() for name in told)


def test_documents_have_names_of_their_own_and_never_go_without_a_text():
    file = {"type": "input_file", "filename": "Käse & Brot.pdf", "file_data": PDF}
    unnamed = {"type": "input_file", "file_data": PDF}
    content = body(model_call([user([file, file, unnamed])]), citations=True)["messages"][0]["content"]
    assert [block["document"]["name"] for block in content[:3]] == ["K se Brot", "K se Brot 2", "document"]
    assert content[0]["document"]["citations"] == {"enabled": True}
    assert content[3] == {"text": "K se Brot, K se Brot 2, document"}


def test_images_and_documents_go_into_the_output_of_a_call():
    image = {"type": "input_image", "image_url": PIXEL}
    items = [
        user("x"),
        function_call("c", "f"),
        function_call_output("c", [image, {"type": "input_text", "text": "y"}]),
    ]
    [result] = body(model_call(items))["messages"][-1]["content"]
    assert [next(iter(block)) for block in result["toolResult"]["content"]] == ["image", "text"]


def test_sealed_reasoning_goes_back_as_bytes():
    state = {"kind": "bedrock", "redacted": base64.b64encode(b"sealed").decode()}
    items = [user("x"), {"type": "reasoning", "summary": [], "state": state}, assistant("y"), user("z")]
    assert body(model_call(items))["messages"][1]["content"] == [
        {"reasoningContent": {"redactedContent": b"sealed"}},
        {"text": "y"},
    ]


def test_who_the_end_user_is_goes_into_the_metadata_in_its_alphabet():
    assert body(model_call(safety_identifier="u-1"))["requestMetadata"] == {"safety_identifier": "u-1"}
    assert len(body(model_call(safety_identifier="é"))["requestMetadata"]["safety_identifier"]) == 64
