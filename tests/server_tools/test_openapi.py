"""OpenAPI documents become tools when an agent is applied: what is understood, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from antiphon.server_tools.http.openapi.schemas import MAX_BYTES
from antiphon.server_tools.pinning import CannotPin
from tests.support.answering import Answer, Answering
from tests.support.pinned import PinnedTools, pinned

SERVER = "https://api.example.com/v1"


def document(paths: Any, version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    return {
        "openapi": version,
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": SERVER}],
        "paths": paths,
    } | more


def operation(**fields: Any) -> dict[str, Any]:
    return {"operationId": "op", "responses": {"200": {"description": "ok"}}} | fields


def body(schema: Any, kind: str = "application/json", **more: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema, **more}}}}


async def compiled(contents: Any, **source: Any) -> PinnedTools:
    entry = {key: source.pop(key) for key in ("auth", "approve", "safe_to_repeat", "timeout_seconds") if key in source}
    return await pinned({"http": {"label": "api", "openapi": contents, **source}, **entry})


async def schema_of(contents: Any, name: str = "op") -> dict[str, Any]:
    schema = (await compiled(contents)).tools[name].parameters
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


async def problem(contents: Any, **source: Any) -> str:
    with pytest.raises(CannotPin) as caught:
        await compiled(contents, **source)
    return str(caught.value)


async def test_parameters_of_a_path_belong_to_its_operations_which_may_replace_them() -> None:
    """LibreChat reads the parameters of operations alone, so ``{id}`` stays in the URL (its ``openapiToFunction``)."""
    of_path = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
    ]
    own = [{"name": "limit", "in": "query", "required": True, "schema": {"type": "string"}}]
    tools = await compiled(document({"/items/{id}": {"parameters": of_path, "get": operation(parameters=own)}}))
    schema = tools.tools["op"].parameters
    assert schema["properties"] == {"id": {"type": "integer"}, "limit": {"type": "string"}}
    assert schema["required"] == ["id", "limit"]
    assert tools.how("op")["parameters"] == [
        {"argument": "id", "name": "id", "in": "path", "required": True},
        {"argument": "limit", "name": "limit", "in": "query", "required": True},
    ]


async def test_references_are_followed_through_parameters_bodies_and_path_items() -> None:
    """LibreChat follows one step of a reference alone."""
    components = {
        "pathItems": {"items": {"post": operation(requestBody={"$ref": "#/components/requestBodies/New"})}},
        "requestBodies": {
            "New": {"$ref": "#/components/requestBodies/Real"},
            "Real": body({"$ref": "#/components/schemas/A"})["requestBody"],
        },
        "schemas": {
            "A": {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/B~1b"}}},
            "B/b": {"type": "object", "properties": {"c": {"$ref": "#/components/schemas/C"}}},
            "C": {"type": "string", "enum": ["x"]},
        },
    }
    schema = await schema_of(document({"/a": {"$ref": "#/components/pathItems/items"}}, components=components))
    assert schema["properties"]["body"]["properties"]["b"]["properties"]["c"] == {"type": "string", "enum": ["x"]}
    assert schema["required"] == ["body"]


async def test_all_of_becomes_one_object() -> None:
    """LibreChat drops the parts of ``allOf``, so the model cannot pass their properties."""
    schemas = {
        "Named": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        "Pet": {
            "allOf": [
                {"$ref": "#/components/schemas/Named"},
                {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]},
            ],
            "description": "A pet.",
        },
    }
    contents = document(
        {"/a": {"post": operation(**body({"$ref": "#/components/schemas/Pet"}))}}, components={"schemas": schemas}
    )
    assert (await schema_of(contents))["properties"]["body"] == {
        "type": "object",
        "required": ["name", "age"],
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "description": "A pet.",
    }


async def test_all_of_whose_parts_disagree_is_kept() -> None:
    parts = [{"type": "string", "minLength": 1}, {"type": "string", "minLength": 2}]
    schema = await schema_of(document({"/a": {"post": operation(**body({"allOf": parts}))}}))
    assert schema["properties"]["body"] == {"allOf": parts}


async def test_a_schema_that_contains_itself_is_kept_as_a_definition() -> None:
    tree = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        },
    }
    contents = document(
        {"/a": {"post": operation(**body({"$ref": "#/components/schemas/Tree"}))}},
        components={"schemas": {"Tree": tree}},
    )
    schema = await schema_of(contents)
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    jsonschema.validate({"body": {"children": [{"name": "a", "children": []}]}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"body": {"children": [{"children": [{"name": 5}]}]}}, schema)


async def test_null_and_bounds_of_openapi_3_0_become_those_of_json_schema() -> None:
    given = {
        "type": "object",
        "properties": {
            "a": {
                "type": "integer",
                "nullable": True,
                "minimum": 1,
                "exclusiveMinimum": True,
                "maximum": 9,
                "exclusiveMaximum": False,
            },
            "b": {"type": "string", "nullable": True, "enum": ["x"]},
            "c": {"nullable": True, "allOf": [{"type": "object", "properties": {}}]},
            "d": {"type": "string", "readOnly": True},
            "e": {"type": "string", "example": "x", "xml": {"name": "e"}, "x-internal": True},
        },
        "required": ["a", "d"],
    }
    schema = await schema_of(document({"/a": {"post": operation(**body(given))}}, "3.0.3"))
    assert schema["properties"]["body"] == {
        "type": "object",
        "properties": {
            "a": {"type": ["integer", "null"], "maximum": 9, "exclusiveMinimum": 1},
            "b": {"type": ["string", "null"], "enum": ["x", None]},
            "c": {"type": ["object", "null"], "properties": {}},
            "e": {"type": "string"},
        },
        "required": ["a"],
    }


async def test_a_schema_stays_short_however_long_it_is_in_the_document() -> None:
    """Every schema refers to all the others, as in large public documents: written out it would have no end."""
    names = [f"S{number}" for number in range(30)]
    schemas = {
        name: {
            "type": "object",
            "description": "x" * 500,
            "properties": {other: {"$ref": f"#/components/schemas/{other}"} for other in names},
        }
        for name in names
    }
    contents = document(
        {"/a": {"post": operation(**body({"$ref": "#/components/schemas/S0"}))}}, components={"schemas": schemas}
    )
    tools = await compiled(contents)
    schema = tools.tools["op"].parameters
    jsonschema.Draft202012Validator.check_schema(schema)
    assert len(json.dumps(schema, separators=(",", ":"))) <= MAX_BYTES
    assert schema["properties"]["body"]["type"] == "object"
    assert tools.notes == ("api: op: its arguments are described without their innermost parts, as they are very long",)


async def test_schemas_that_refer_to_each_other_a_thousand_times_are_cut() -> None:
    schemas = {f"S{n}": {"allOf": [{"$ref": f"#/components/schemas/S{n + 1}"}]} for n in range(1000)}
    schemas["S1000"] = {"type": "object", "properties": {}}
    body_of = body({"$ref": "#/components/schemas/S0"})
    tools = await compiled(document({"/a": {"post": operation(**body_of)}}, components={"schemas": schemas}))
    jsonschema.Draft202012Validator.check_schema(tools.tools["op"].parameters)
    assert len(tools.notes) == 1


async def test_integers_that_no_store_can_hold_are_left_out() -> None:
    """OpenAI's own document has such a bound, in ``seed``."""
    seed = {"type": "integer", "minimum": -9223372036854776000, "maximum": 5}
    schema = await schema_of(document({"/a": {"post": operation(**body(seed))}}))
    assert schema["properties"]["body"] == {"type": "integer", "maximum": 5}


async def test_names_are_legal_and_unique_for_tools_and_arguments() -> None:
    paths = {
        "/repos": {"get": operation(operationId="repos/list"), "post": operation(operationId="repos.list")},
        "/a/{x-y}": {
            "get": {
                "parameters": [
                    {"name": "x-y", "in": "path", "required": True},
                    {"name": "id", "in": "query"},
                    {"name": "id", "in": "cookie"},
                    {"name": "filter[a b]", "in": "query"},
                    {"name": "body", "in": "query"},
                ],
                **body({"type": "string"}),
            }
        },
    }
    tools = await compiled(document(paths))
    assert list(tools.tools) == ["repos_list", "repos_list_2", "get_a_x-y"]
    assert list(tools.tools["get_a_x-y"].parameters["properties"]) == [
        "x-y",
        "id",
        "cookie_id",
        "filter_a_b_",
        "body",
        "request_body",
    ]


async def test_operations_are_selected_by_their_id_or_their_path_and_governed_by_either_name() -> None:
    paths = {
        "/a": {"get": operation(operationId="a/get"), "post": operation(operationId="a/make")},
        "/b": {"get": operation()},
    }
    tools = await compiled(
        document(paths),
        operations=["a/get", "POST /a"],
        approve={"a/make": {"by": "role:MANAGER"}},
        safe_to_repeat=["GET /a"],
        timeout_seconds=5,
    )
    assert list(tools.tools) == ["a_get", "a_make"]
    assert [tool.repeatable for tool in tools.server.tools] == [True, False]
    assert [tool.approval for tool in tools.server.tools] == [None, "role:MANAGER"]
    assert {tool.timeout_seconds for tool in tools.server.tools} == {5}
    assert "no operation c" in await problem(document(paths), operations=["c"])


async def test_a_document_with_more_operations_than_an_agent_may_have_must_be_narrowed() -> None:
    paths = {f"/{number}": {"get": operation(operationId=f"op{number}")} for number in range(150)}
    assert "`operations`" in await problem(document(paths))
    assert len((await compiled(document(paths), operations=["op7", "op149"])).tools) == 2


@pytest.mark.parametrize(
    ("servers", "url", "expected"),
    [
        (
            {
                "servers": [
                    {
                        "url": "https://{region}.example.com/{v}/",
                        "variables": {"region": {"default": "eu"}, "v": {"default": "v2"}},
                    }
                ]
            },
            None,
            "https://eu.example.com/v2",
        ),
        ({"servers": [{"url": "/v3"}]}, "https://own.example.com/base/", "https://own.example.com/base"),
    ],
)
async def test_the_server_is_the_documents_first_one_or_that_of_the_entry(
    servers: Any, url: str | None, expected: str
) -> None:
    tools = await compiled(document({"/a": {"get": operation()}}, **servers), **({"url": url} if url else {}))
    assert tools.server.settings["url"] == tools.how("op")["server"] == expected


async def test_an_operation_may_have_a_server_of_its_own() -> None:
    paths = {"/a": {"servers": [{"url": "https://files.example.com"}], "get": operation()}}
    assert (await compiled(document(paths))).how("op")["server"] == "https://files.example.com"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (
            {"/a": {"get": operation(parameters=[{"$ref": "#/components/parameters/x"}])}},
            "#/paths/~1a/get/parameters/0: $ref #/components/parameters/x leads nowhere",
        ),
        (
            {"/a": {"get": operation(parameters=[{"$ref": "other.yaml#/x"}])}},
            "#/paths/~1a/get/parameters/0: $ref other.yaml#/x leads out of the document",
        ),
        ({"/{id}": {"get": operation()}}, "#/paths/~1{id}/get: no parameter describes {id}"),
        (
            {"/a": {"get": operation(parameters=[{"name": "b", "in": "path"}])}},
            "#/paths/~1a/get/parameters/0: the path has no {b}",
        ),
        (
            {"/a": {"get": operation(parameters=[{"name": "b", "in": "body"}])}},
            "#/paths/~1a/get/parameters/0: parameters cannot be in 'body'",
        ),
        (
            {"/a": {"get": operation(parameters=[{"name": "b", "in": "query", "style": "matrix"}])}},
            "#/paths/~1a/get/parameters/0: a parameter in query cannot have the style matrix",
        ),
        (
            {"/a": {"post": operation(**body({}, "application/xml"))}},
            "#/paths/~1a/post/requestBody: a body of application/xml cannot be written",
        ),
        (
            {"/a": {"post": operation(**body({"properties": {"b": 5}}))}},
            "#/paths/~1a/post/requestBody/content/application~1json/schema/properties/b: this must be a schema",
        ),
        ({"/a": {"$ref": "#/paths/~1a"}}, "#/paths/~1a: the references lead in a circle"),
        ([], "#: the document has no paths"),
    ],
    ids=range(10),
)
async def test_what_cannot_be_compiled_is_refused_with_its_place(paths: Any, expected: str) -> None:
    assert f"api: {expected}" in await problem(document(paths))


async def test_a_fault_of_an_operation_that_nobody_asked_for_does_no_harm() -> None:
    paths = {"/a": {"get": operation(), "post": operation(operationId="bad", **body({}, "application/xml"))}}
    assert list((await compiled(document(paths), operations=["op"])).tools) == ["op"]


@pytest.mark.parametrize("contents", [{"swagger": "2.0"}, {}, {"openapi": "4.0"}, {"openapi": 3}])
async def test_documents_of_other_versions_are_refused(contents: Any) -> None:
    assert "api: #: the document is" in await problem(contents)


async def test_headers_that_are_ours_are_no_arguments_and_neither_is_what_credentials_fill() -> None:
    parameters = [
        {"name": name, "in": "header"}
        for name in ("Authorization", "Accept", "Content-Type", "Idempotency-Key", "X-Api-Key", "X-Trace")
    ]
    auth = {"header": {"name": "X-API-Key", "value": {"env": "TOOL_KEY"}}}
    tools = await compiled(document({"/a": {"get": operation(parameters=parameters)}}), auth=auth)
    assert list(tools.tools["op"].parameters["properties"]) == ["X-Trace"]
    assert tools.notes == ()


async def test_an_operator_reads_that_the_document_asks_for_credentials() -> None:
    schemes = {"key": {"type": "apiKey", "in": "query", "name": "k"}, "basic": {"type": "http", "scheme": "basic"}}
    contents = document(
        {"/a": {"get": operation(security=[{"key": []}])}},
        components={"securitySchemes": schemes},
        security=[{"basic": []}],
    )
    assert (await compiled(contents)).notes == (
        "api: the document asks for a key as query k, and the entry has no `auth`",
    )


async def test_a_document_is_read_from_a_file_in_yaml_or_json(tmp_path: Path) -> None:
    contents = document({"/a": {"get": operation(summary="On 2026-01-01")}})
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(contents))
    (tmp_path / "a.json").write_text(json.dumps(contents))
    for name in ("a.yaml", "a.json"):
        tools = await pinned({"http": {"label": "api", "openapi": name}}, lambda path: (tmp_path / path).read_bytes())
        assert tools.tools["op"].description == "On 2026-01-01"
        assert tools.server.settings["entry"] == {"http": {"label": "api", "openapi": contents}}
    with pytest.raises(CannotPin, match=r"b\.yaml: No such file"):
        await pinned({"http": {"label": "api", "openapi": "b.yaml"}}, lambda path: (tmp_path / path).read_bytes())


async def test_whoever_applies_an_agent_over_http_cannot_read_the_servers_files() -> None:
    with pytest.raises(CannotPin, match="only `antiphon agents apply` reads"):
        await pinned({"http": {"label": "api", "openapi": "/etc/passwd"}})


async def test_a_document_is_fetched_from_a_listed_host_and_its_server_may_be_relative() -> None:
    contents = document({"/a": {"get": operation()}}, servers=[{"url": "/v9"}])
    with Answering(lambda _: Answer(json=contents)) as server:
        entry = {"http": {"label": "api", "openapi": server.url("/docs/openapi.json")}}
        tools = await pinned(entry, tool_hosts=(server.place,))
        assert tools.how("op")["server"] == server.url("/v9")
        with pytest.raises(CannotPin, match="ToolHosts"):
            await pinned(entry)
    assert [asked.method for asked in server.asked] == ["GET"]
    assert "authorization" not in server.asked[0].headers


async def test_a_server_that_the_deployment_does_not_allow_is_refused_when_the_agent_is_applied() -> None:
    inside = document({"/a": {"get": operation()}}, servers=[{"url": "http://169.254.169.254/latest"}])
    assert "ANTIPHON_TOOL_HOSTS" in await problem(inside)
