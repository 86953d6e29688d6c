"""Who may call, over a real socket."""

from __future__ import annotations

import hashlib
import secrets
import socket
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from antiphon.access import keys
from antiphon.records import Grant, Limits, Role, Tenant
from antiphon.web.auth import UNKNOWN_SECONDS
from tests.support.caller import TENANT, misspelt, refused
from tests.support.service import Service
from tests.support.upstream import Upstream


def raw(service: Service, request: bytes) -> bytes:
    where = urlsplit(service.root)
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
        return b"".join(pieces)


@pytest.mark.parametrize("where", ["nowhere", "x-api-key", "query"])
def test_a_request_without_an_authorization_header_is_refused_without_a_look_up(
    service: Service, key: str, where: str
) -> None:
    service.forget_calls()
    headers = {"x-api-key": key} if where == "x-api-key" else {}
    answer = service.client.get("/v1/models" + (f"?api_key={key}" if where == "query" else ""), headers=headers)
    refused(answer, 401, "missing_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert service.store_calls == 0


def test_a_key_in_the_body_is_no_key(service: Service, key: str) -> None:
    refused(service.post(None, model="agent", input="Hi", api_key=key), 401, "missing_api_key")


def forged(key: str) -> dict[str, str]:
    return {
        "basic": f"Basic {key}",
        "empty": "Bearer",
        "long": "Bearer " + key * 200,
        "checksum": f"Bearer {misspelt(key)}",
        "digest": "Bearer " + hashlib.sha256(key.encode()).hexdigest(),
        "trailing": f"Bearer {key} x",
        "no scheme": key,
    }


@pytest.mark.parametrize("form", forged("ap_test_x"))
def test_a_malformed_key_is_refused_without_a_look_up(service: Service, key: str, form: str) -> None:
    service.forget_calls()
    refused(service.get("/v1/models", authorization=forged(key)[form]), 401, "invalid_api_key")
    assert service.store_calls == 0


def test_two_authorization_headers_are_refused_without_a_look_up(service: Service, key: str) -> None:
    service.forget_calls()
    headers = [("authorization", f"Bearer {key}"), ("authorization", f"Bearer {key}")]
    refused(service.client.get("/v1/models", headers=headers), 401, "invalid_api_key")
    assert service.store_calls == 0


def test_a_key_with_a_nul_never_reaches_a_store(service: Service, key: str) -> None:
    service.forget_calls()
    answer = raw(service, f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\0\r\n\r\n".encode())
    assert answer.split(b" ")[1] in {b"400", b"401"}
    assert service.store_calls == 0


def test_a_key_folded_over_two_lines_never_reaches_a_store(service: Service, key: str) -> None:
    service.forget_calls()
    request = f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key[:20]}\r\n {key[20:]}\r\n\r\n"
    assert raw(service, request.encode()).split(b" ")[1] in {b"400", b"401"}
    assert service.store_calls == 0


def test_the_scheme_is_case_insensitive(service: Service, key: str) -> None:
    assert service.get("/v1/models", authorization=f"bEARER {key}").status_code == 200


def test_a_well_formed_key_that_nobody_was_given_is_refused(service: Service) -> None:
    unknown = keys.make_key("test", bytes)
    refused(service.get("/v1/models", unknown), 401, "invalid_api_key")


def test_a_revoked_key_is_refused_within_a_minute(service: Service, key: str) -> None:
    assert service.get("/v1/models", key).status_code == 200
    service.run(service.keys.revoke(TENANT, "key_" + keys.digest(key)[:16], int(service.clock())))
    service.clock.ahead = 60
    refused(service.get("/v1/models", key), 401, "key_revoked")


def test_an_expired_key_is_refused_at_once_though_it_is_cached(service: Service) -> None:
    key = service.key(expires_at=int(service.clock()) + 30)
    assert service.get("/v1/models", key).status_code == 200
    service.clock.ahead = 31
    refused(service.get("/v1/models", key), 401, "key_expired")


def test_a_warm_process_reads_a_key_once_a_minute(service: Service, key: str) -> None:
    service.get("/v1/models", key)
    service.forget_calls()
    service.get("/v1/models", key)
    assert service.keys.calls["get"] == 0
    service.clock.ahead = 61
    service.get("/v1/models", key)
    assert service.keys.calls["get"] == 1


def test_the_last_use_of_a_key_is_noted_once_an_hour(service: Service, key: str) -> None:
    for _ in range(3):
        service.get("/v1/models", key)
    assert service.keys.calls["touch"] == 1
    service.clock.ahead = 3601
    service.get("/v1/models", key)
    assert service.keys.calls["touch"] == 2
    assert keys.digest(key) in service.run(service.keys.last_used(TENANT, [keys.digest(key)]))


def test_a_role_without_use_is_refused_on_every_route_but_health(service: Service, upstream: Upstream) -> None:
    service.user("bob", role="USER")
    key = service.key("bob")
    for path in ("/v1/models", "/v1/models/agent", "/v1/responses/models", "/v1/responses/resp_x"):
        refused(service.get(path, key), 403, "permission_denied")
    refused(service.post(key, model="agent", input="Hi"), 403, "permission_denied")
    assert service.get("/healthz").status_code == 200
    assert upstream.requests == []


def test_a_role_of_ones_own_with_use_is_enough(service: Service) -> None:
    service.put(Role(TENANT, "CALLER", frozenset({"USE"})))
    service.user("cy", role="CALLER")
    service.put(Grant(TENANT, "agent", "role:CALLER", 1))
    assert service.create(service.key("cy"), input="Hi")["status"] == "completed"


def test_a_read_only_key_reads_and_never_creates(service: Service) -> None:
    key = service.key(read_only=True)
    assert service.get("/v1/models", key).status_code == 200
    refused(service.post(key, model="agent", input="Hi"), 403, "read_only_key")


def test_an_agent_without_a_grant_answers_as_one_that_does_not_exist(service: Service, upstream: Upstream) -> None:
    service.user("bob")
    key = service.key("bob")
    hidden = service.post(key, model="agent", input="Hi")
    absent = service.post(key, model="absent", input="Hi")
    refused(hidden, 404, "model_not_found", "model")
    assert hidden.content == absent.content
    assert service.get("/v1/models/agent", key).content == service.get("/v1/models/absent", key).content
    assert upstream.requests == []


def test_a_key_limited_to_an_agent_sees_no_other(service: Service) -> None:
    service.agent("other")
    key = service.key(agents=("other",))
    listed = service.get("/v1/models", key).json()
    assert [model["id"] for model in listed["data"]] == ["other"]
    refused(service.post(key, model="agent", input="Hi"), 404, "model_not_found", "model")


@pytest.mark.parametrize("principal", ["user:bob", "group:staff", "role:ADMIN", "public"])
def test_listing_retrieving_and_running_agree_for_every_kind_of_principal(service: Service, principal: str) -> None:
    service.user("bob", groups=("staff",))
    key = service.key("bob")
    assert service.get("/v1/models", key).json()["data"] == []
    service.put(Grant(TENANT, "agent", principal, 1))
    assert [model["id"] for model in service.get("/v1/models", key).json()["data"]] == ["agent"]
    assert service.get("/v1/responses/models", key).json() == service.get("/v1/models", key).json()
    assert service.get("/v1/models/agent", key).json()["object"] == "model"
    assert service.create(key, input="Hi")["status"] == "completed"


def test_an_agent_on_a_provider_that_the_configuration_forbids_does_not_exist(service: Service) -> None:
    service.put(Tenant(TENANT, Limits(providers=("demo",))))
    key = service.key()
    assert service.get("/v1/models", key).json()["data"] == []
    refused(service.post(key, model="agent", input="Hi"), 404, "model_not_found", "model")


def test_anothers_response_answers_as_one_that_does_not_exist(service: Service, key: str, upstream: Upstream) -> None:
    response = service.create(key, input="Hi")
    service.user("bob")
    service.put(Grant(TENANT, "agent", "public", 1))
    other = service.key("bob")
    calls = len(upstream.requests)
    absent = "resp_" + "0" * 31
    foreign = service.get(f"/v1/responses/{response['id']}", other)
    refused(foreign, 404, "response_not_found")
    assert foreign.content == service.get(f"/v1/responses/{absent}", other).content
    continued = service.post(other, model="agent", input="Hi", previous_response_id=response["id"])
    refused(continued, 404, "previous_response_not_found", "previous_response_id")
    nowhere = service.post(other, model="agent", input="Hi", previous_response_id=absent)
    assert continued.content == nowhere.content
    item = response["output"][0]["id"]
    refused(
        service.post(other, model="agent", input=[{"type": "item_reference", "id": item}]), 404, "response_not_found"
    )
    assert len(upstream.requests) == calls


@pytest.mark.parametrize("name", ["x", "resp_..%2f..%2fetc", "%2e%2e", "RESP_" + "0" * 31, "resp_" + "0" * 10_000])
def test_an_id_of_foreign_shape_is_absent_without_a_look_up(service: Service, key: str, name: str) -> None:
    service.get("/v1/models", key)
    service.forget_calls()
    assert service.get(f"/v1/responses/{name}", key).status_code == 404
    assert service.store_calls == 0
    answer = service.post(key, model="agent", input="Hi", previous_response_id=name)
    refused(answer, 404, "previous_response_not_found")
    assert service.responses.calls == {}


def test_revoking_a_grant_closes_the_conversations_with_that_agent(service: Service) -> None:
    service.user("bob")
    key = service.key("bob")
    service.agent("open")
    service.put(Grant(TENANT, "agent", "user:bob", 1))
    service.put(Grant(TENANT, "open", "user:bob", 1))
    first = service.create(key, input="Hi")
    assert service.create(key, model="open", input="Go on", previous_response_id=first["id"])["status"] == "completed"
    service.put(Grant(TENANT, "agent", "user:bob", 0))
    answer = service.post(key, model="open", input="Go on", previous_response_id=first["id"])
    refused(answer, 404, "previous_response_not_found")


def test_a_forged_key_that_is_sent_again_is_read_once_in_three_seconds(service: Service) -> None:
    forged = keys.make_key("test", secrets.token_bytes)
    service.forget_calls()
    for _ in range(20):
        refused(service.get("/v1/models", forged), 401, "invalid_api_key")
    assert service.keys.calls["get"] == 1
    service.clock.ahead = UNKNOWN_SECONDS
    refused(service.get("/v1/models", forged), 401, "invalid_api_key")
    assert service.keys.calls["get"] == 2


def test_a_new_key_is_seen_within_three_seconds_of_being_taken_for_unknown(service: Service, key: str) -> None:
    made = keys.make_key("test", secrets.token_bytes)
    refused(service.get("/v1/models", made), 401, "invalid_api_key")
    record = service.run(service.keys.get(keys.digest(key)))
    service.run(service.keys.add(replace(record, digest=keys.digest(made))))
    service.clock.ahead = UNKNOWN_SECONDS
    assert service.get("/v1/models", made).status_code == 200
