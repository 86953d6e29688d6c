"""The part of an OpenAPI document that is stored with an agent compiles to the same operations as the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import antiphon
from antiphon.server_tools.http.openapi.document import ApiDocument, read_document
from antiphon.server_tools.http.openapi.operations import Compiled, compiled, operations, wanted_credentials
from antiphon.server_tools.http.openapi.part import MAX_BYTES, part_of

ROOT = Path(__file__).parents[2]
WHOLE = [ROOT / "cli/openresponses-2026-04-24.openapi.json", Path(antiphon.__file__).parent / "web/openapi.json"]


def tools_of(document: ApiDocument, chosen: set[str]) -> dict[str, tuple[Compiled, list[str]]]:
    return {
        operation.name: (
            compiled(document, operation, "", "https://api.example.com", frozenset()),
            wanted_credentials(document, operation),
        )
        for operation in operations(document)
        if operation.names & chosen
    }


def kept(contents: Any, *chosen: str) -> dict[str, Any]:
    """Return the part of a document, after checking that it compiles to the same."""
    document = read_document(yaml.safe_dump(contents, sort_keys=False).encode())
    part = part_of(document, [each for each in operations(document) if each.names & {*chosen}])
    assert part is not None
    again = ApiDocument(json.loads(json.dumps(part)))
    assert tools_of(again, {*chosen}) == tools_of(document, {*chosen})
    return part


def described(paths: Any, **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, **more}


def referring(to: str) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": {"$ref": to}}}}}


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_any_operation_of_a_whole_document_is_kept_alone(path: Path) -> None:
    document = read_document(path.read_bytes())
    for operation in operations(document):
        part = part_of(document, [operation])
        assert part is not None
        again = ApiDocument(part)
        assert tools_of(again, {operation.name}) == tools_of(document, {operation.name})
        assert [each.path for each in operations(again)] == [operation.path]


def test_what_no_chosen_operation_refers_to_is_left_out() -> None:
    schemas = {"A": {"properties": {"b": {"$ref": "#/components/schemas/B"}}}, "B": {"type": "string"}, "C": {}}
    answer = {
        "200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/C"}}}}
    }
    mine = {"operationId": "mine", "responses": answer, **referring("#/components/schemas/A")}
    part = kept(
        described(
            {"/a": {"post": mine, "get": {"operationId": "other"}}, "/b": {"get": {}}}, components={"schemas": schemas}
        ),
        "mine",
    )
    assert part["components"] == {"schemas": {"A": schemas["A"], "B": schemas["B"]}}
    assert {path: [*item] for path, item in part["paths"].items()} == {"/a": ["post"]}
    assert part["paths"]["/a"]["post"]["responses"] == {"200": {"description": "", "content": {"application/json": {}}}}


def test_a_reference_into_another_operation_is_followed() -> None:
    other = {
        "operationId": "other",
        "responses": {"200": {"description": "", "content": {"a/b": {"schema": {"const": 1}}}}},
    }
    to = "#/paths/~1b/get/responses/200/content/a~1b/schema"
    kept(described({"/a": {"post": {"operationId": "mine", **referring(to)}}, "/b": {"get": other}}), "mine")


def test_a_reference_into_a_list_keeps_its_number() -> None:
    schemas = {"A": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}
    mine = {"operationId": "mine", **referring("#/components/schemas/A/anyOf/1")}
    kept(described({"/a": {"post": mine}}, components={"schemas": schemas}), "mine")


def test_an_operation_keeps_its_name_if_another_took_it_first() -> None:
    first, second = {"operationId": "list/it", "x-long": "x" * 99}, {"operationId": "list_it"}
    part = kept(described({"/a": {"get": first}, "/b": {"get": second}}), "list_it_2")
    assert part["paths"]["/a"]["get"] == {"operationId": "list/it"}


def test_paths_and_operations_that_are_referred_to_are_kept() -> None:
    sku = {"name": "sku", "in": "path", "required": True, "schema": {"type": "string"}}
    item = {"parameters": [{"$ref": "#/components/parameters/sku"}], "get": {"operationId": "mine"}}
    components = {"pathItems": {"one": item}, "parameters": {"sku": sku}}
    kept(described({"/a/{sku}": {"$ref": "#/components/pathItems/one"}}, components=components), "mine")


def test_the_credentials_that_an_operation_asks_for_are_kept() -> None:
    schemes = {"key": {"type": "apiKey", "in": "header", "name": "x-key"}, "other": {"type": "http", "scheme": "basic"}}
    paths = {"/a": {"get": {"operationId": "mine"}}}
    part = kept(described(paths, components={"securitySchemes": schemes}, security=[{"key": []}]), "mine")
    assert part["components"] == {"securitySchemes": {"key": schemes["key"]}}


def test_what_describes_the_api_at_length_is_left_out_or_shortened() -> None:
    info = {"title": "t", "version": "1", "description": "long " * 5000}
    part = kept(described({"/a": {"get": {"operationId": "mine", "description": "word " * 5000}}}, info=info), "mine")
    assert len(json.dumps(part)) < 2000


def test_numbers_and_keys_that_only_yaml_has_do_not_keep_a_part_from_being_stored() -> None:
    schema = {"type": "integer", "maximum": 2**70, "x-by-number": {1: "one"}}
    mine = {"operationId": "mine", "parameters": [{"name": "n", "in": "query", "schema": schema}]}
    part = kept(described({"/a": {"get": mine | {"responses": {200: {"description": "ok"}}}}}), "mine")
    kept_schema = part["paths"]["/a"]["get"]["parameters"][0]["schema"]
    assert kept_schema == {"type": "integer", "x-by-number": {"1": "one"}}


def test_what_is_too_large_or_contains_itself_is_no_part() -> None:
    values = {"name": "a", "in": "query", "schema": {"enum": ["x" * MAX_BYTES]}}
    large = described({"/a": {"get": {"operationId": "mine", "parameters": [values]}}})
    circle = "openapi: 3.1.0\npaths: {/a: {get: {operationId: mine, requestBody: &a {content: {}, x-a: *a}}}}"
    many = "x-a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"x-{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    bomb = f"openapi: 3.1.0\n{many}paths: {{/a: {{get: {{operationId: mine, parameters: [], security: *h}}}}}}"
    for content in (json.dumps(large), circle, bomb):
        document = read_document(content.encode())
        assert part_of(document, list(operations(document))) is None
