"""What the command does is what a running service sees, without a restart."""

from __future__ import annotations

import pytest

from tests.support.command import Antiphon
from tests.support.service import Service


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path) as service:
        yield service


@pytest.fixture
def antiphon(service, capsys):
    return Antiphon(("--database", service.settings.database), capsys.readouterr)


def answer(service, key):
    response = service.client.get("/v1/models", headers={"authorization": f"Bearer {key}"})
    body = response.json()
    return response.status_code, [model["id"] for model in body["data"]] if "data" in body else body["error"]["code"]


def test_a_user_a_key_and_a_grant_open_a_running_service_and_a_revocation_closes_it(service, antiphon, tmp_path):
    (tmp_path / "helper.yaml").write_text("id: helper\nprovider: demo\nmodel: demo\n")
    antiphon.done("users", "put", "ada", "--role", "ADMIN")
    antiphon.done("users", "put", "bob")
    antiphon.done("agents", "apply", str(tmp_path / "helper.yaml"), "--author", "ada")
    made = antiphon.read("keys", "create", "--user", "bob")
    assert answer(service, made["key"]) == (403, "permission_denied")
    assert antiphon.read("grants", "why", "helper", "bob")["code"] == "permission_denied"
    antiphon.done("roles", "put", "USER", "--permission", "USE")
    service.clock.ahead += 61
    assert answer(service, made["key"]) == (200, [])
    antiphon.done("grants", "add", "helper", "user:bob", "viewer")
    service.clock.ahead += 61
    assert answer(service, made["key"]) == (200, ["helper"])
    assert antiphon.read("grants", "why", "helper", "bob")["allowed"]
    antiphon.done("keys", "revoke", "--yes", made["id"])
    service.clock.ahead += 61
    assert answer(service, made["key"]) == (401, "key_revoked")


def test_a_key_for_other_agents_does_not_see_this_one(service, antiphon, tmp_path):
    for name in ("helper", "other"):
        (tmp_path / "agent.yaml").write_text(f"id: {name}\nprovider: demo\nmodel: demo\n")
        antiphon.done("users", "put", "ada", "--role", "ADMIN")
        antiphon.done("agents", "apply", str(tmp_path / "agent.yaml"), "--author", "ada")
    key = antiphon.done("keys", "create", "--user", "ada", "--agent", "other").strip()
    assert answer(service, key) == (200, ["other"])
