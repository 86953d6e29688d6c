"""Who may do what: every operation with every right, on own objects, on those of others and of another tenant."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from antiphon.access.rights import RIGHTS
from antiphon.records import Group
from antiphon.web.docs import DOCUMENT as PATH
from antiphon.web.table import is_managing, route_of
from docs.openapi.operations import OPERATIONS as OPERATIONS_OF_DOCUMENT
from tests.support.command import Antiphon
from tests.support.managing import OPERATIONS, Office
from tests.support.service import Service

DOCUMENT = json.loads(PATH.read_text(encoding="utf-8"))
NAMES = [operation.name for operation in OPERATIONS]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("state"), cache_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def office(service):
    return Office(service)


@pytest.fixture(scope="module")
def holders(office):
    """A management key for each right alone."""
    return {right: office.operator(right) for right in RIGHTS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_an_operation_needs_its_rights_and_no_other(office, holders, operation):
    wanted = set(operation.rights)
    for right, key in holders.items():
        enough = wanted <= {right, right.replace(":write", ":read")}
        status = office.do(operation, key, office.stage()).status_code
        assert (status == 200) == enough, (right, status)
        assert enough or status == 403, (right, status)


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_an_operation_is_done_with_exactly_its_rights_and_with_all_as_the_document_says(office, operation):
    for rights in (operation.rights, ("all",)):
        answer = office.do(operation, office.operator(*rights), office.stage())
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        check_answer(operation, answer.json())


def check_answer(operation, body):
    """Hold an answer against the schema of its route."""
    route = route_of(_sample(operation))
    schema = OPERATIONS_OF_DOCUMENT[route, operation.method].answers["application/json"]
    document = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    error = best_match(Draft202012Validator(document).iter_errors(body))
    assert error is None, f"{schema}: {error.json_path}: {error.message}"


def test_the_table_has_every_operation_of_the_document():
    done = {(route_of(_sample(operation)), operation.method) for operation in OPERATIONS}
    documented = {place for place in OPERATIONS_OF_DOCUMENT if is_managing(place[0])}
    assert documented - done == {place for place in documented if place[0].startswith("/v1/admin/me")}


def _sample(operation):
    return operation.path.format_map(defaultdict(lambda: "x")).partition("?")[0]


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_a_read_only_management_key_reads_and_changes_nothing(office, operation):
    reads = all(right.endswith(":read") for right in operation.rights)
    answer = office.do(operation, office.operator("all", read_only=True), office.stage())
    assert answer.status_code == (200 if reads else 403), answer.text


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_a_user_does_to_what_is_their_own_what_the_table_allows(office, operation):
    staged = office.stage()
    answer = office.do(operation, staged["secret"], staged)
    assert (answer.status_code == 200) == operation.own, answer.text
    assert operation.own or answer.status_code == 403


NAMING = [operation for operation in OPERATIONS if operation.name not in {"list agents", "create an agent"}]


@pytest.mark.parametrize("operation", NAMING, ids=lambda operation: operation.name)
def test_a_user_does_nothing_to_what_is_of_others(office, operation):
    others = office.stage()
    mine = office.stage()
    answer = office.do(operation, mine["secret"], others)
    assert answer.status_code in {403, 404}, answer.text


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_a_user_whose_role_has_no_features_manages_nothing(office, service, operation):
    staged = office.stage()
    service.user("plain", role="USER")
    answer = office.do(operation, office.key("plain"), {**staged, "user": "plain"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_nothing_of_another_tenant_is_seen_or_changed(office, service, operation):
    staged = office.stage()
    there = Office(service, "elsewhere")
    service.put(Group("elsewhere", "keeps-the-tenant"))
    answer = there.do(operation, there.operator("all"), staged)
    if answer.status_code == 200:
        assert not any(name in answer.text for name in (staged["agent"], staged["key"], staged["response"]))
    else:
        assert answer.status_code in {400, 404}, answer.text  # 400: to make an agent there, its author is missing


COMMANDS = [operation for operation in OPERATIONS if operation.command]


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda operation: operation.name)
def test_the_command_line_does_the_same(office, service, operation, capsys):
    antiphon = Antiphon(("--database", str(service.settings.database), "--json"), capsys.readouterr)
    assert antiphon.done(*operation.words(office.stage()))
