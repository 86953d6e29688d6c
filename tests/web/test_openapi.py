"""The OpenAPI document: valid, up to date, whole, and true of what the service takes and gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator import OpenAPIV31SpecValidator

from antiphon.errors import CODES
from antiphon.records import Grant
from antiphon.spec.request import CreateResponse, parse_create
from antiphon.web.table import ROUTES, is_managing
from docs.openapi import document as openapi
from docs.openapi.codes import LATER, UNROUTED
from docs.openapi.operations import OPERATIONS
from docs.openapi.samples import EXAMPLES, MODEL, MODELS, RESPONSE, TEXT_DELTA
from local.seed import TENANT, agents
from tests.support import schema as official
from tests.support.recording import USAGE, record, resource
from tests.support.service import Service

DOCUMENT = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS_OF_DOCUMENT = [
    (path, method.upper(), operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}, format_checker=None
    )


def check(name: str, value: Any) -> None:
    error = best_match(validator(name).iter_errors(value))
    assert error is None, f"{name}: {error.json_path}: {error.message}"


# the document itself


def test_the_document_is_valid_openapi():
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_valid_json_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_committed_document_is_what_the_code_says():
    assert openapi.DOCUMENT.read_text(encoding="utf-8") == openapi.render(), "run `make docs`"


def test_the_document_and_the_route_table_have_the_same_routes_and_methods():
    documented = {path: {method.upper() for method in item} for path, item in DOCUMENT["paths"].items()}
    assert documented == {path: set(methods) for path, methods in ROUTES.items()}
    assert {(path, method) for path, methods in ROUTES.items() for method in methods} == set(OPERATIONS)


def test_operations_have_names_of_their_own_and_words():
    assert len({operation["operationId"] for _, _, operation in OPERATIONS_OF_DOCUMENT}) == len(OPERATIONS_OF_DOCUMENT)
    assert all(operation["summary"] and operation["description"] for _, _, operation in OPERATIONS_OF_DOCUMENT)


def test_what_needs_no_key_says_so_and_everything_else_needs_one():
    open_paths = {path for path, _, operation in OPERATIONS_OF_DOCUMENT if operation.get("security") == []}
    assert open_paths == {"/", "/healthz", "/openapi.json", "/docs", "/docs/{id}"}
    assert DOCUMENT["security"] == [{"key": []}]
    assert DOCUMENT["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_every_code_is_told_at_an_operation_unless_it_belongs_to_none():
    told = {code for operation in OPERATIONS.values() for code in operation.codes}
    assert told | UNROUTED | LATER == set(CODES)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS_OF_DOCUMENT)
def test_every_error_has_the_one_envelope_and_its_own_status(path, method, operation):
    told = set()
    for status, answer in operation["responses"].items():
        if status == "200":
            continue
        media = answer["content"]["application/json"]
        assert media["schema"] == {"$ref": "#/components/schemas/Error"}
        for code, example in media["examples"].items():
            check("Error", example["value"])
            official.check_error(example["value"])
            assert CODES[code].status == int(status)
            assert f"`{code}`" in answer["description"]
            told.add(code)
    assert told == OPERATIONS[path, method].codes


# what the service takes


@pytest.mark.parametrize("field", CreateResponse.model_fields)
def test_every_field_of_the_request_is_explained(field):
    assert SCHEMAS["CreateResponse"]["properties"][field]["description"]


def test_every_field_of_the_specifications_request_is_known():
    theirs = official.document()["components"]["schemas"]["CreateResponseBody"]["properties"]
    assert set(theirs) <= set(SCHEMAS["CreateResponse"]["properties"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_here_and_in_the_specification(name):
    request = EXAMPLES[name][1]
    check("CreateResponse", request)
    official.check("CreateResponseBody", request)
    parse_create(request)


def item(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


# One for each form of item, content, tool and choice in the specification; ids are those of its examples.
REQUESTS = {
    "text": {"input": "Hi"},
    "no input": {"previous_response_id": "resp_123"},
    "user": {"input": [item("message", id="msg_123", role="user", content=[item("input_text", text="Hi")])]},
    "system": {"input": [item("message", id="msg_123", role="system", content="Be brief.", status="completed")]},
    "developer": {"input": [item("message", role="developer", content=[item("input_text", text="Be brief.")])]},
    "assistant": {
        "input": [
            item(
                "message",
                id="msg_123",
                role="assistant",
                phase="final_answer",
                content=[item("output_text", text="Hi", annotations=[]), item("refusal", refusal="No.")],
            )
        ]
    },
    "citation": {
        "input": [
            item(
                "message",
                role="assistant",
                content=[
                    item(
                        "output_text",
                        text="Hi",
                        annotations=[
                            item("url_citation", start_index=0, end_index=2, url="https://a.example", title="A")
                        ],
                    )
                ],
            )
        ]
    },
    "image": {
        "input": [
            item("message", role="user", content=[item("input_image", image_url="https://a.example/i", detail="low")])
        ]
    },
    "file": {"input": [item("message", role="user", content=[item("input_file", filename="a.txt", file_data="aGk=")])]},
    "call": {
        "input": [
            item("function_call", id="fc_123", call_id="c", name="f", arguments="{}", status="completed"),
            item("function_call_output", id="fc_123", call_id="c", output="1"),
            item("function_call_output", call_id="c", output=[item("input_text", text="1")]),
        ]
    },
    "reasoning": {
        "input": [item("reasoning", id="rs_123", summary=[item("summary_text", text="So.")], encrypted_content="x")]
    },
    "reference": {"input": [{"type": "item_reference", "id": "msg_123"}, {"id": "msg_123"}]},
    "tools": {
        "tools": [item("function", name="f", description="F", parameters={"type": "object"}, strict=True)],
        "tool_choice": item("function", name="f"),
        "parallel_tool_calls": False,
        "max_tool_calls": 3,
    },
    "allowed tools": {
        "tools": [item("function", name="f")],
        "tool_choice": item("allowed_tools", tools=[item("function", name="f")], mode="required"),
    },
    "format": {"text": {"format": {"type": "text"}, "verbosity": "low"}},
    "schema": {"text": {"format": item("json_schema", name="s", schema={"type": "object"}, strict=True)}},
    "sampling": {
        "temperature": 0.5,
        "top_p": 1,
        "presence_penalty": -1,
        "frequency_penalty": 2,
        "max_output_tokens": 16,
        "top_logprobs": 20,
    },
    "reasoning settings": {"reasoning": {"effort": "xhigh", "summary": "auto"}},
    "rest": {
        "metadata": {"a": "b"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "service_tier": "flex",
        "truncation": "disabled",
        "store": False,
        "background": False,
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "instructions": "Be brief.",
    },
    "nulls": {
        "input": None,
        "previous_response_id": "resp_123",
        "tools": None,
        "tool_choice": None,
        "metadata": None,
        "temperature": None,
        "reasoning": {"effort": None, "summary": None},
    },
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_the_specification_allows_is_valid_here_and_in_the_document(name):
    request = {"model": "assistant", **REQUESTS[name]}
    official.check("CreateResponseBody", request)
    check("CreateResponse", request)
    parse_create(request)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"model": "a", "surprise": 1},
        {"model": "a", "input": []},
        {"model": "a", "temperature": 3},
        {"model": "a", "input": [{"role": "king", "content": "Hi"}]},
        {"model": "a", "input": [{"role": "user", "content": [{"type": "output_text", "text": "Hi"}]}]},
    ],
)
def test_the_document_refuses_what_the_service_refuses(request_):
    assert not validator("CreateResponse").is_valid(request_)


# what the service gives

# Ours beside the specification's.
PAIRS = {
    "ResponseResource": "ResponseResource",
    "MessageItem": "Message",
    "FunctionCallItem": "FunctionCall",
    "ReasoningItem": "ReasoningBody",
    "OutputTextPart": "OutputTextContent",
    "RefusalPart": "RefusalContent",
    "SummaryPart": "SummaryTextContent",
    "Citation": "UrlCitationBody",
    "LogProb": "LogProb",
    "TopLogProb": "TopLogProb",
    "ToolResource": "FunctionTool",
    "SchemaFormat": "JsonSchemaResponseFormat",
    "TextResource": "TextField",
    "ReasoningResource": "Reasoning",
    "Usage": "Usage",
    "InputTokensDetails": "InputTokensDetails",
    "OutputTokensDetails": "OutputTokensDetails",
    "IncompleteDetails": "IncompleteDetails",
    "ResponseError": "Error",
    "ErrorDetail": "ErrorPayload",
}
UNSAID = {
    "response.reasoning.delta",
    "response.reasoning.done",
    "response.output_text.annotation.added",
}
"""Events of the specification that no stream of ours has."""
OF_OPENAI = {
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
    *(f"response.mcp_call.{step}" for step in ("in_progress", "completed", "failed")),
    *(f"response.mcp_call_arguments.{step}" for step in ("delta", "done")),
    *(f"response.mcp_list_tools.{step}" for step in ("in_progress", "completed")),
    *(f"response.web_search_call.{step}" for step in ("in_progress", "searching", "completed")),
    *(f"response.file_search_call.{step}" for step in ("in_progress", "searching", "completed")),
}
"""Events of OpenAI's API for tools that the specification does not have."""
BESIDE = {"antiphon", "namespace", "conversation"}
"""Fields beside the specification: ours, and those of OpenAI's API for a function in a namespace and a conversation."""


@pytest.mark.parametrize(("ours", "theirs"), PAIRS.items())
def test_a_form_has_the_fields_that_the_specification_gives_it(ours, theirs):
    mine, spec = SCHEMAS[ours], official.document()["components"]["schemas"][theirs]
    assert set(spec["required"]) <= set(mine["required"])
    assert set(mine["properties"]) - BESIDE <= set(spec["properties"]), "what is ours stands under one name"


def test_the_document_has_every_event_that_a_stream_can_have():
    said = set(SCHEMAS["StreamEvent"]["discriminator"]["mapping"])
    assert said - OF_OPENAI == set(official.event_schemas()) - UNSAID
    assert said >= OF_OPENAI


LOGPROB = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
STREAMS = {
    "text": ([("reasoning", "So."), ("text", "Hi", [LOGPROB]), ("refusal", "No.")], "completed"),
    "calls": ([("call", 0, "c", "f"), ("arguments", 0, "{}")], "completed"),
    "cut": ([("text", "Hi")], "incomplete"),
    "failed": ([("text", "Hi")], "failed"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_every_event_that_the_stream_machine_makes_is_as_the_document_says(name):
    for event in record(*STREAMS[name]):
        check("StreamEvent", event)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": "completed", "completed_at": 1_700_000_001, "usage": USAGE},
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        {"status": "failed", "error": {"code": "model_error", "message": "The model failed."}},
        {"reasoning": {"effort": "low", "summary": None}, "text": {"format": {"type": "text"}, "verbosity": "low"}},
        {
            "tools": [{"type": "function", "name": "f", "description": None, "parameters": None, "strict": None}],
            "tool_choice": {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}], "mode": "auto"},
        },
    ],
)
def test_a_response_that_the_specification_allows_is_as_the_document_says(changes):
    response = resource(**changes)
    official.check_response(response)
    check("ResponseResource", response)


def test_the_samples_are_valid_here_and_in_the_specification():
    check("ResponseResource", RESPONSE)
    official.check_response(RESPONSE)
    check("StreamEvent", TEXT_DELTA)
    official.check_event(TEXT_DELTA)
    check("Model", MODEL)
    check("ModelList", MODELS)


# the examples, for real


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("state")) as running:
        for agent in agents(0, []):
            running.run(running.directory.put_agent(agent))
            running.put(Grant(TENANT, agent.id, "public", 1))
        yield running


@pytest.fixture(scope="module")
def key(service) -> str:
    return service.key()


@pytest.mark.parametrize("name", [name for name, (_, request) in EXAMPLES.items() if not request.get("stream")])
def test_an_example_is_answered_as_the_document_says_and_its_link_leads_to_the_same(service, key, name):
    response = service.create(key, **EXAMPLES[name][1])
    check("ResponseResource", response)
    assert response["status"] == "completed"
    assert service.retrieve(key, response["id"]) == response


def test_the_example_of_a_stream_streams_as_the_document_says(service, key):
    events = service.stream(key, **EXAMPLES["stream"][1])
    for event in events:
        check("StreamEvent", event)
    assert events[-1]["type"] == "response.completed"


def test_the_example_of_a_function_call_calls_it_and_takes_its_output(service, key):
    called = service.create(key, **EXAMPLES["function_call"][1])["output"][-1]
    assert (called["type"], called["name"]) == ("function_call", "get_weather")
    told = service.create(key, **EXAMPLES["function_output"][1])["output"][-1]
    assert "18 degrees" in told["content"][0]["text"]


def test_the_example_of_structured_output_gives_json_that_fits(service, key):
    request = EXAMPLES["structured"][1]
    text = service.create(key, **request)["output"][-1]["content"][0]["text"]
    Draft202012Validator(request["text"]["format"]["schema"]).validate(json.loads(text))


def _in_conversation(service, key, operation):
    if operation.tag != "Conversations":
        return {}
    made = service.client.post("/v1/conversations", json={}, headers={"authorization": f"Bearer {key}"})
    return {"conversation": made.json()["id"]}


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        (path, operation)
        for (path, method), operation in OPERATIONS.items()
        if method == "GET" and not is_managing(path)  # tests/manage/test_matrix.py does those
        if path != "/v1/approvals/{id}"  # tests/approvals does this one
    ],
)
def test_a_get_with_the_documents_example_is_answered_as_it_says(service, key, path, operation):
    if operation.parameter:
        made = service.create(key, model="assistant", input="Hi", **_in_conversation(service, key, operation))
        stored = made.get("conversation", made)["id"]
        path = path.replace("{id}", operation.parameter.get("example") or stored)
        path = path.replace("{item_id}", made["output"][0]["id"])
    answer = service.get(path, key if operation.keyed else None)
    assert answer.status_code == 200
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in operation.answers
    if operation.answers[kind]:
        check(operation.answers[kind], answer.json())
