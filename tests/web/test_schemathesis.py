"""Schemathesis: requests made from the published document, valid and not; every answer must be as the document says.

The service runs in this process. A valid request may still be refused for what no schema can say (an item that is not
there, two tools of one name, outputs without calls), so acceptance is the one check that is left out. Schemathesis
takes the schema of a stream for that of its frames; the document's is that of their data, so a stream is checked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance, response_schema_conformance

from docs.openapi import document as openapi
from tests.support.chat import chunks_of
from tests.support.schema import check_error
from tests.support.service import Service
from tests.support.streams import assert_stream

load_all_checks()
DOCUMENT = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex="^/v1/admin")
"""Management has a table of its own (``tests/manage``)."""
SCHEMA.config.phases.coverage.enabled = False
"""Its 22,000 cases take 40 s to make, in each process that collects this module. The limits of each field have their
tests in ``tests/spec``; here, cases are drawn at random."""
STREAMS = {"/v1/responses": ("StreamEvent", assert_stream), "/v1/chat/completions": ("ChatCompletionChunk", chunks_of)}
"""For each path: the schema of a frame's data, and what reads the frames."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("state")) as running:
        running.agent("assistant", model="demo")
        yield running


@pytest.fixture(scope="module")
def key(service: Service) -> str:
    return service.key()


@SCHEMA.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case: Case, service: Service, key: str) -> None:
    if isinstance(case.body, dict) and "model" in case.body and case.meta.generation.mode is GenerationMode.POSITIVE:
        case.body["model"] = "assistant"
    answer = case.call(base_url=service.root, headers={"authorization": f"Bearer {key}"})
    streamed = answer.headers["content-type"][0] == "text/event-stream"
    excluded = [positive_data_acceptance, response_schema_conformance] if streamed else [positive_data_acceptance]
    case.validate_response(answer, excluded_checks=excluded)
    if answer.status_code >= 400:
        check_error(answer.json())
        assert answer.status_code < 500
        assert answer.headers["x-request-id"]
    elif streamed:
        headers = {"authorization": f"Bearer {key}"}
        whole = service.client.post(
            case.path, json=case.body, headers=headers
        )  # schemathesis reads the first events alone
        schema, read = STREAMS[case.path]
        for event in read(whole.content):
            validator(schema).validate(event)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})
