"""Small documents with what is special about those of large public APIs, called against a server that notes requests.

The documents of OpenAI, Twilio, Box, Discord, Adyen and Swagger's petstore were compiled whole when this was written
(docs/adr/0029); two whole documents are here: that of the Open Responses specification, and this service's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import antiphon
from antiphon.server_tools.http.openapi.document import read_document
from antiphon.server_tools.http.openapi.operations import compiled, operations
from antiphon.server_tools.http.openapi.schemas import MAX_BYTES
from antiphon.server_tools.http.request import request_of
from tests.support.answering import Answering, Asked
from tests.support.pinned import pinned

ROOT = Path(__file__).parents[2]
WHOLE = [ROOT / "cli/openresponses-2026-04-24.openapi.json", Path(antiphon.__file__).parent / "web/openapi.json"]


async def called(document: dict[str, Any], name: str, arguments: dict[str, Any]) -> tuple[Asked, dict[str, Any]]:
    """Compile a document, call an operation; return what was asked, and the schema that the model had for it."""
    with Answering() as server:
        for at in (document, *document["paths"].values()):
            for place in at.get("servers", ()):
                place["url"] = place["url"].replace("https://api.example.com", server.url("").rstrip("/"))
        tools = await pinned({"http": {"label": "api", "openapi": document}}, tool_hosts=(server.place,))
        schema = tools.tools[name].parameters
        jsonschema.validate(arguments, schema, jsonschema.Draft202012Validator)
        result = await tools.call(name, arguments)
        assert result.failure is None, result
    (asked,) = server.asked
    return asked, schema


async def test_a_payment_with_nested_objects_in_a_form_and_fields_to_expand() -> None:
    """Stripe: forms whose objects are ``deepObject``, ``expand`` in the query, ``anyOf`` with an empty text."""
    expand = {"name": "expand", "in": "query", "style": "deepObject", "explode": True}
    expand["schema"] = {"type": "array", "items": {"type": "string", "maxLength": 5000}}
    address = {"type": "object", "properties": {"city": {"type": "string"}}}
    fields = {
        "amount": {"type": "integer"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "string"}}}},
        "metadata": {
            "anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"enum": [""], "type": "string"}]
        },
        "shipping": {"type": "object", "properties": {"address": {"$ref": "#/components/schemas/address"}}},
    }
    deep = {"style": "deepObject", "explode": True}
    media = {
        "schema": {"type": "object", "properties": fields, "required": ["amount"]},
        "encoding": {"items": deep, "metadata": deep, "shipping": deep},
    }
    document = {
        "openapi": "3.0.0",
        "servers": [{"url": "https://api.example.com/"}],
        "paths": {
            "/v1/payments/{id}": {
                "post": {
                    "operationId": "PostPaymentsId",
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "style": "simple", "schema": {"type": "string"}},
                        expand,
                    ],
                    "requestBody": {"content": {"application/x-www-form-urlencoded": media}},
                }
            }
        },
        "components": {"schemas": {"address": address}},
    }
    body = {
        "amount": 5,
        "items": [{"price": "p_1"}],
        "metadata": {"order id": "7"},
        "shipping": {"address": {"city": "Köln"}},
    }
    asked, _ = await called(document, "PostPaymentsId", {"id": "pi_1", "expand": ["customer"], "body": body})
    assert asked.path == "/v1/payments/pi_1?expand%5B0%5D=customer"
    assert asked.body.decode() == (
        "amount=5&items%5B0%5D%5Bprice%5D=p_1&metadata%5Border%20id%5D=7&shipping%5Baddress%5D%5Bcity%5D=K%C3%B6ln"
    )


async def test_messages_that_are_filtered_by_parameters_with_odd_names_at_a_server_of_the_path() -> None:
    """Twilio: a server at the path, ``.json`` in it, and names such as ``DateSent<``, which no provider takes."""
    account = {
        "name": "AccountSid",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^AC[0-9a-f]{4}$"},
    }
    parameters = [
        account,
        *({"name": f"DateSent{sign}", "in": "query", "schema": {"type": "string"}} for sign in ("", "<", ">")),
    ]
    document = {
        "openapi": "3.0.1",
        "paths": {
            "/2010-04-01/Accounts/{AccountSid}/Messages.json": {
                "servers": [{"url": "https://api.example.com"}],
                "get": {"operationId": "ListMessage", "parameters": parameters, "responses": {}},
            }
        },
    }
    arguments = {
        "AccountSid": "AC12ab",
        "DateSent_": "2026-01-01",
        "DateSent": "2026-01-02",
        "DateSent__2": "2026-01-03",
    }
    asked, schema = await called(document, "ListMessage", arguments)
    assert list(schema["properties"]) == ["AccountSid", "DateSent", "DateSent_", "DateSent__2"]
    assert [schema["properties"][name].get("description") for name in list(arguments)[1:]] == [
        "Sent as DateSent<.",
        None,
        "Sent as DateSent>.",
    ]
    assert asked.path == (
        "/2010-04-01/Accounts/AC12ab/Messages.json?DateSent=2026-01-02&DateSent%3C=2026-01-01&DateSent%3E=2026-01-03"
    )


async def test_an_issue_whose_parameters_are_references_and_belong_to_the_path() -> None:
    """GitHub: every parameter is a reference, ids of operations have a slash, numbers or texts by ``oneOf``."""
    names = {"owner": {"type": "string"}, "repo": {"type": "string"}, "number": {"type": "integer"}}
    document = {
        "openapi": "3.0.3",
        "servers": [{"url": "https://api.example.com"}],
        "paths": {
            "/repos/{owner}/{repo}/issues/{number}": {
                "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names],
                "patch": {
                    "operationId": "issues/update",
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "title": {"nullable": True, "oneOf": [{"type": "string"}, {"type": "integer"}]},
                                        "labels": {
                                            "type": "array",
                                            "items": {
                                                "oneOf": [
                                                    {"type": "string"},
                                                    {"type": "object", "properties": {"id": {"type": "integer"}}},
                                                ]
                                            },
                                        },
                                    },
                                }
                            }
                        }
                    },
                },
            }
        },
        "components": {
            "parameters": {
                name: {"name": name, "in": "path", "required": True, "schema": schema} for name, schema in names.items()
            }
        },
    }
    arguments = {"owner": "ada", "repo": "a.b", "number": 7, "body": {"title": None, "labels": ["bug", {"id": 1}]}}
    asked, _ = await called(document, "issues_update", arguments)
    assert (asked.method, asked.path, asked.json) == ("PATCH", "/repos/ada/a.b/issues/7", arguments["body"])


async def test_an_object_whose_schema_contains_itself_is_patched_with_a_type_of_its_own() -> None:
    """Kubernetes: ``JSONSchemaProps`` contains itself in many ways; patches have media types of their own."""
    own = {"$ref": "#/components/schemas/Props"}
    props = {
        "type": "object",
        "properties": {
            "description": {"type": "string"},
            "properties": {"type": "object", "additionalProperties": own},
            "allOf": {"type": "array", "items": own},
            "not": own,
        },
    }
    document = {
        "openapi": "3.0.0",
        "servers": [{"url": "https://api.example.com"}],
        "paths": {
            "/apis/v1/crds/{name}": {
                "parameters": [
                    {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
                ],
                "patch": {
                    "operationId": "patchCrd",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/apply-patch+yaml": {"schema": own},
                            "application/merge-patch+json": {"schema": own},
                        },
                    },
                },
            }
        },
        "components": {"schemas": {"Props": props}},
    }
    body = {"properties": {"a": {"not": {"description": "x"}}}, "allOf": [{"allOf": []}]}
    asked, schema = await called(document, "patchCrd", {"name": "crd", "body": body})
    assert (asked.json, asked.headers["content-type"]) == (body, "application/merge-patch+json")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "x", "body": {"properties": {"a": {"not": {"description": 5}}}}}, schema)


async def test_a_file_with_fields_of_a_list_that_is_joined_and_a_condition_in_a_header() -> None:
    """Box: ``fields`` with ``explode: false``, ``if-match`` in a header, attributes as JSON in a form with parts."""
    fields = {
        "name": "fields",
        "in": "query",
        "explode": False,
        "schema": {"type": "array", "items": {"type": "string"}},
    }
    schema = {
        "type": "object",
        "required": ["attributes", "file"],
        "properties": {
            "attributes": {"type": "object", "properties": {"name": {"type": "string"}}},
            "file": {"type": "string", "format": "binary"},
        },
    }
    document = {
        "openapi": "3.0.2",
        "servers": [{"url": "https://api.example.com/2.0"}],
        "paths": {
            "/files/{file_id}/content": {
                "post": {
                    "operationId": "post_files_id_content",
                    "parameters": [
                        {
                            "name": "file_id",
                            "in": "path",
                            "required": True,
                            "example": "12345",
                            "schema": {"type": "string"},
                        },
                        {"name": "if-match", "in": "header", "schema": {"type": "string"}},
                        fields,
                    ],
                    "requestBody": {"content": {"multipart/form-data": {"schema": schema}}},
                }
            }
        },
    }
    body = {"attributes": {"name": "a.txt"}, "file": "hello"}
    arguments = {"file_id": "5", "if-match": "1", "fields": ["id", "name"], "body": body}
    asked, _ = await called(document, "post_files_id_content", arguments)
    assert (asked.path, asked.headers["if-match"]) == ("/2.0/files/5/content?fields=id,name", "1")
    assert b'name="attributes"\r\ncontent-type: application/json\r\n\r\n{"name":"a.txt"}\r\n' in asked.body
    assert b'name="file"; filename="file"\r\ncontent-type: application/octet-stream\r\n\r\nhello\r\n' in asked.body


async def test_a_message_of_3_1_with_null_among_its_types_and_definitions_inside_a_schema() -> None:
    """Discord and OpenAI: lists of types, ``const``, ``$defs`` inside a schema, ``allOf`` of a reference and more."""
    message = {
        "type": "object",
        "$defs": {"flag": {"type": ["integer", "null"], "minimum": 0}},
        "properties": {
            "content": {"type": ["string", "null"], "maxLength": 4000},
            "flags": {"$ref": "#/components/schemas/Message/$defs/flag", "description": "Bits."},
            "kind": {"oneOf": [{"const": "a", "title": "A"}, {"type": "null"}]},
            "embed": {"allOf": [{"$ref": "#/components/schemas/Embed"}], "description": "Shown below."},
        },
    }
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.example.com/api/v10"}],
        "paths": {
            "/messages": {
                "post": {
                    "operationId": "create_message",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Message"}},
                            "multipart/form-data": {"schema": {}},
                        },
                    },
                }
            }
        },
        "components": {
            "schemas": {"Message": message, "Embed": {"type": "object", "properties": {"title": {"type": "string"}}}}
        },
    }
    body = {"content": None, "flags": 1, "kind": "a", "embed": {"title": "t"}}
    asked, schema = await called(document, "create_message", {"body": body})
    assert (asked.path, asked.json) == ("/api/v10/messages", body)
    properties = schema["properties"]["body"]["properties"]
    assert properties["flags"] == {"type": ["integer", "null"], "minimum": 0, "description": "Bits."}
    assert properties["embed"]["description"] == "Shown below."


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_every_operation_of_a_whole_document_compiles_and_can_be_written(path: Path) -> None:
    document = read_document(path.read_bytes())
    every = list(operations(document))
    assert every
    for operation in every:
        made = compiled(document, operation, "", "https://api.example.com/v1", frozenset())
        jsonschema.Draft202012Validator.check_schema(made.parameters)
        assert len(json.dumps(made.parameters, separators=(",", ":"), ensure_ascii=False).encode()) <= MAX_BYTES
        arguments = {name: {} if name == "body" else "x" for name in made.parameters["required"]}
        request = request_of(made.how, arguments, "token")
        assert request.url.startswith("https://api.example.com/")
        assert "{" not in request.url
