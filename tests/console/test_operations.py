"""Every operation of management through the console: the same as with a management key that has all rights."""

from __future__ import annotations

import pytest

from tests.support.browser import TOKEN, ask
from tests.support.managing import OPERATIONS, Office, Operation
from tests.support.service import Service


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_console_may_do_what_a_key_with_all_rights_may(service: Service, operation: Operation) -> None:
    office = Office(service)
    by_key = office.do(operation, office.operator("all"), office.stage())
    by_token = service.client.request(**operation.request(office.stage(), **{"x-antiphon-console": TOKEN}))
    assert by_token.status_code == by_key.status_code == 200, by_token.text
    assert by_token.json().keys() == by_key.json().keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_operation_is_done_by_a_wrong_token_though_a_key_is_sent_too(service: Service, operation: Operation) -> None:
    office = Office(service)
    headers = {"x-antiphon-console": "another", "authorization": f"Bearer {office.operator('all')}"}
    refused = service.client.request(**operation.request(office.stage(), **headers))
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")


def test_what_the_console_changes_is_noted_with_the_account_and_the_way(service: Service) -> None:
    ask(service, "PUT", "groups/staff", {"name": "Staff"})
    newest = ask(service, "GET", "audit?limit=1")["data"][0]
    assert newest["action"] == "group.created"
    assert (newest["actor"]["user"], newest["actor"]["via"]) == ("olga", "console")
    assert newest["actor"]["address"] == "127.0.0.1"
