"""Who may do what: every operation with every right, on own objects, on those of others and of another tenant."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from antiphon.access.rights import RIGHTS
from antiphon.records import Agent, Group, Owner, Role, User
from antiphon.web.docs import DOCUMENT as PATH
from antiphon.web.table import is_managing, route_of
from docs.openapi.operations import OPERATIONS as OPERATIONS_OF_DOCUMENT
from tests.support.command import Antiphon
from tests.support.managing import OPERATIONS, Office

DOCUMENT = json.loads(PATH.read_text(encoding="utf-8"))
NAMES = [operation.name for operation in OPERATIONS]


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


ROLES = {
    "USER": frozenset[str](),
    "CALLER": frozenset({"USE"}),
    "MAKER": frozenset({"USE", "CREATE"}),
    "SHARER": frozenset({"USE", "SHARE"}),
    "PUBLISHER": frozenset({"USE", "SHARE_PUBLIC"}),
    "UNUSED": frozenset({"CREATE", "SHARE", "SHARE_PUBLIC"}),
    "FREE": frozenset({"USE", "CREATE", "SHARE", "SHARE_PUBLIC"}),
    "ADMIN": frozenset({"USE", "CREATE", "SHARE", "SHARE_PUBLIC"}),
}
"""Roles and their permissions. That ADMIN has all rights makes no difference to its users' API keys."""

ALSO_NEEDS = {"create an agent": "CREATE", "grant": "SHARE", "take a grant back": "SHARE_PUBLIC"}
"""What operations on one's own need besides ``USE``."""


@pytest.fixture(scope="module")
def there(service):
    """Return the office of another tenant."""
    return Office(service, "elsewhere")


def everything(service, tenant, staged):
    """Return all that an operation on staged records could change."""

    async def read():
        directory, kinds = service.directory, {"agent": Agent, "role": Role, "group": Group, "user": User, "idle": User}
        found = [await directory.find(kind, tenant, staged[name]) for name, kind in kinds.items()]
        found += await directory.grants_on(tenant, staged["agent"])
        found += [await directory.deleted_agent(tenant, staged["deleted"]), await directory.get_tenant(tenant)]
        found += [await service.keys.find(tenant, staged["key"])]
        found += [await service.approvals.get(tenant, staged["approval"])]
        return [*found, await service.responses.get(Owner(tenant, staged["user"]), staged["response"], service.clock())]

    return service.run(read())


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_a_role_lets_its_users_do_what_the_table_allows_to_their_own_and_to_nothing_else(
    office, there, service, operation
):
    hidden = {"default": office.stage(), "elsewhere": there.stage()}
    before = {tenant: everything(service, tenant, staged) for tenant, staged in hidden.items()}
    for role, permissions in ROLES.items():
        own = office.stage()
        if role not in {"USER", "ADMIN"}:
            service.put(Role("default", role, permissions))
        service.put(User("default", own["user"], role=role))
        if operation in NAMING:
            for tenant, staged in hidden.items():
                answer = office.do(operation, own["secret"], staged)
                makes_their_own = operation.name == "change an agent" and tenant == "elsewhere"
                assert answer.status_code in {403, 404, *({200, 409} if makes_their_own else ())}, (role, answer.text)
        answer = office.do(operation, own["secret"], own)
        needed = {"USE", ALSO_NEEDS.get(operation.name, "USE")}
        assert answer.status_code == (200 if operation.own and needed <= permissions else 403), (role, answer.text)
    assert {tenant: everything(service, tenant, staged) for tenant, staged in hidden.items()} == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_an_operator_does_to_what_is_their_own_what_they_do_to_that_of_others_and_decides_on_nothing_they_asked(
    office, service, operation
):
    staged = office.stage()
    role = f"OWN-{NAMES.index(operation.name)}"
    service.put(Role("default", role, ROLES["FREE"], manage=frozenset(operation.rights)))
    service.put(User("default", staged["user"], role=role))
    answer = office.do(operation, office.key(staged["user"], management=True), staged)
    refused = {"approve a call": 403, "deny a call": 403, "erase a user with agents": 409}
    assert answer.status_code == refused.get(operation.name, 200), answer.text


COMMANDS = [operation for operation in OPERATIONS if operation.command]


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda operation: operation.name)
def test_the_command_line_does_the_same(office, service, operation, capsys):
    antiphon = Antiphon(("--database", str(service.settings.database), "--json"), capsys.readouterr)
    assert antiphon.done(*operation.words(office.stage()))


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda operation: operation.name)
def test_a_command_for_a_tenant_sees_and_changes_nothing_of_another(office, there, service, operation, capsys):
    staged = office.stage()
    service.put(Group("elsewhere", "keeps-the-tenant"))
    before = everything(service, "default", staged)
    place = ("--database", str(service.settings.database), "--tenant", "elsewhere", "--json")
    outcome = Antiphon(place, capsys.readouterr)(*operation.words(staged))
    named = [name for name in (staged["agent"], staged["key"], staged["response"]) if name in outcome.out]
    assert (outcome.code == 0 and not named) or (outcome.code == 1 and not outcome.out), outcome
    assert everything(service, "default", staged) == before
