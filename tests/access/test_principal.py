"""The principal: what a key, its user, role, tenant and the deployment make together."""

from __future__ import annotations

from antiphon.access.principal import Principal
from antiphon.records import Account, Key, Limits, Owner, Role, Tenant, User

KEY = Key("d" * 64, "key_1", "acme", "ada", "ap_dev_AAAA", agents=("helper",), read_only=True)


def account(**role):
    return Account(
        User("acme", "ada", role="STAFF", groups=("math", "staff")),
        Role("acme", "STAFF", frozenset({"USE"}), **role),
        Tenant("acme", Limits(retention_days=20)),
    )


def test_a_caller_is_its_user_its_groups_its_role_and_the_public():
    principal = Principal.from_account(account(), KEY, Limits())
    assert principal.principals == ("user:ada", "group:math", "group:staff", "role:STAFF", "public")


def test_a_caller_has_what_its_role_permits():
    principal = Principal.from_account(account(), KEY, Limits())
    assert (principal.role, principal.permissions) == ("STAFF", frozenset({"USE"}))


def test_a_caller_is_narrowed_by_its_key():
    principal = Principal.from_account(account(), KEY, Limits())
    assert (principal.key_id, principal.key_agents, principal.read_only) == ("key_1", ("helper",), True)


def test_the_limits_come_from_deployment_tenant_and_role():
    principal = Principal.from_account(account(limits=Limits(max_body_bytes=9)), KEY, Limits(retention_days=30))
    assert principal.limits == Limits(retention_days=20, max_body_bytes=9)


def test_what_a_caller_stores_belongs_to_its_tenant_and_user():
    assert Principal.from_account(account(), KEY, Limits()).owner == Owner("acme", "ada")
