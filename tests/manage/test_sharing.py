"""Sharing an agent: nobody gives or takes a grant that is more than what they hold, and no refusal shows who exists."""

from __future__ import annotations

import pytest

from antiphon.records import Grant, Group, Role, User
from tests.support.caller import refused
from tests.support.managing import AGENT

VIEW, EDIT, DELETE, SHARE = 1, 2, 4, 8


@pytest.fixture
def holder(service, office):
    """Return what makes a user who holds some bits on an agent of somebody else, and a key of theirs."""

    def holder(agent, bits, *permissions):
        permissions = permissions or ("CREATE", "SHARE", "SHARE_PUBLIC")
        name = f"holder-{bits}-{agent}-{len(permissions)}"
        service.put(Role("default", f"R-{'-'.join(permissions)}", frozenset({"USE", *permissions})))
        service.put(User("default", name, role=f"R-{'-'.join(permissions)}"))
        if bits:
            service.put(Grant("default", agent, f"user:{name}", bits))
        return name, office.key(name)

    return holder


def grants_on(service, agent):
    return {grant.principal: grant.bits for grant in service.run(service.directory.grants_on("default", agent))}


@pytest.mark.parametrize("bits", [VIEW | EDIT, VIEW | EDIT | DELETE])
@pytest.mark.parametrize("other", ["themselves", "another", "public"])
def test_who_may_change_an_agent_and_not_share_it_shares_it_by_no_document(service, office, holder, bits, other):
    staged = office.stage()
    name, key = holder(staged["agent"], bits)
    principal = {"themselves": f"user:{name}", "another": f"user:{staged['idle']}", "public": "public"}[other]
    before = grants_on(service, staged["agent"])
    for level in ("owner", "viewer"):
        body = {**AGENT, "name": "Taken", "grants": [{"principal": principal, "level": level}]}
        refused(office.ask(key, "PUT", f"agents/{staged['agent']}", body), 403, "permission_denied", "grants")
    assert grants_on(service, staged["agent"]) == before
    assert office.ask(key, "PUT", f"agents/{staged['agent']}", {**AGENT, "name": "Changed"}).status_code == 200


@pytest.mark.parametrize("by", ["grant", "document"])
def test_who_shares_without_all_bits_gives_no_more_than_they_have(service, office, holder, by):
    staged = office.stage()
    _, key = holder(staged["agent"], VIEW | EDIT | SHARE)
    principal = f"user:{staged['idle']}"

    def give(level):
        if by == "grant":
            return office.ask(key, "PUT", f"agents/{staged['agent']}/grants/{principal}", {"level": level})
        body = {**AGENT, "grants": [{"principal": principal, "level": level}]}
        return office.ask(key, "PUT", f"agents/{staged['agent']}", body)

    refused(give("owner"), 403, "permission_denied", "level")
    assert principal not in grants_on(service, staged["agent"])
    assert give("editor").status_code == 200
    assert grants_on(service, staged["agent"])[principal] == VIEW | EDIT


@pytest.mark.parametrize("by", ["grant", "document", "taking back"])
def test_who_shares_without_all_bits_takes_nothing_from_who_has_more(service, office, holder, by):
    staged = office.stage()
    _, key = holder(staged["agent"], VIEW | EDIT | SHARE)
    principal, path = f"user:{staged['idle']}", f"agents/{staged['agent']}"
    service.put(Grant("default", staged["agent"], principal, VIEW | DELETE))
    request = {
        "grant": ("PUT", f"{path}/grants/{principal}", {"level": "viewer"}),
        "document": ("PUT", path, {**AGENT, "grants": [{"principal": principal, "level": "viewer"}]}),
        "taking back": ("DELETE", f"{path}/grants/{principal}", None),
    }[by]
    refused(office.ask(key, *request), 403, "permission_denied", "level")
    assert grants_on(service, staged["agent"])[principal] == VIEW | DELETE
    service.put(Grant("default", staged["agent"], principal, VIEW | EDIT))
    assert office.ask(key, *request).status_code == 200


def test_who_shares_takes_their_own_grant_back(service, office, holder):
    staged = office.stage()
    name, key = holder(staged["agent"], VIEW | SHARE)
    assert office.ask(key, "DELETE", f"agents/{staged['agent']}/grants/user:{name}").status_code == 200
    assert f"user:{name}" not in grants_on(service, staged["agent"])


@pytest.mark.parametrize("permissions", [("CREATE",), ("CREATE", "SHARE")])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "document", "new"])
def test_a_refusal_to_share_does_not_show_who_exists(service, office, holder, permissions, method):
    staged = office.stage()
    _, key = holder(staged["agent"], VIEW | EDIT | SHARE, *permissions)
    service.put(Group("default", "there"))
    kinds = {"user": staged["idle"], "group": "there", "role": staged["role"]}
    hidden = {kind: name for kind, name in kinds.items() if kind == "role" or "SHARE" not in permissions}

    def ask(principal):
        body = {**AGENT, "grants": [{"principal": principal, "level": "viewer"}]}
        if method == "document":
            return office.ask(key, "PUT", f"agents/{staged['agent']}", body)
        if method == "new":
            return office.ask(key, "POST", "agents", body)
        form = {"level": "viewer"} if method == "PUT" else None
        return office.ask(key, method, f"agents/{staged['agent']}/grants/{principal}", form)

    for kind, name in hidden.items():
        there, absent = ask(f"{kind}:{name}"), ask(f"{kind}:nobody")
        assert (
            refused(there, 403, "permission_denied")["message"].replace(name, "nobody")
            == (refused(absent, 403, "permission_denied")["message"])
        )


@pytest.mark.parametrize(
    "principal", ["", "user:", "user:a b", "team:x", "USER:ada", "user:ada\n", "user:%00", "Public"]
)
def test_what_is_no_principal_is_refused_as_such(office, holder, principal):
    staged = office.stage()
    _, key = holder(staged["agent"], VIEW | EDIT | SHARE)
    body = {**AGENT, "grants": [{"principal": principal, "level": "viewer"}]}
    assert office.ask(key, "PUT", f"agents/{staged['agent']}", body).status_code == 400
