"""The decision, case by case: who may, and what a refusal shows the caller and the audit log."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.access.decide import key_state, may_address, may_run, may_use, may_view
from antiphon.access.grants import DELETE, EDIT, SHARE, VIEW, level_of
from antiphon.access.principal import Principal
from antiphon.access.roles import PERMISSIONS, built_in
from antiphon.errors import CODES
from antiphon.records import Account, Agent, Key, Limits, Tenant, User

NOW = 1_000_000
HELPER = Agent("acme", "helper", "demo", "echo", "ada")
KEY = Key("d" * 64, "key_1", "acme", "ada", "ap_dev_AAAA")


def caller(role="ADMIN", **key):
    user = User("acme", "ada", role=role)
    account = Account(user, built_in("acme")[role], Tenant("acme"))
    return Principal.from_account(account, dataclasses.replace(KEY, **key), Limits())


def test_a_key_without_an_end_is_usable():
    assert key_state(KEY, NOW).allowed


def test_a_revoked_key_is_refused():
    decision = key_state(dataclasses.replace(KEY, revoked_at=NOW - 1), NOW)
    assert (decision.allowed, decision.code) == (False, "key_revoked")


def test_a_key_revoked_by_a_clock_that_is_ahead_is_refused_at_once():
    assert key_state(dataclasses.replace(KEY, revoked_at=NOW + 300), NOW).code == "key_revoked"


@pytest.mark.parametrize(("left", "allowed"), [(1, True), (0.001, True), (0, False), (-1, False)])
def test_a_key_is_refused_from_the_moment_it_expires(left, allowed):
    decision = key_state(dataclasses.replace(KEY, expires_at=NOW), NOW - left)
    assert (decision.allowed, decision.code) == (allowed, None if allowed else "key_expired")


def test_a_key_both_revoked_and_expired_is_called_revoked():
    assert key_state(dataclasses.replace(KEY, revoked_at=1, expires_at=2), NOW).code == "key_revoked"


@pytest.mark.parametrize("write", [False, True])
def test_a_role_with_use_may_use_the_api(write):
    assert may_use(caller("ADMIN"), write=write).allowed


@pytest.mark.parametrize("write", [False, True])
def test_a_role_without_use_is_denied_everything(write):
    decision = may_use(caller("USER"), write=write)
    assert (decision.allowed, decision.code) == (False, "permission_denied")
    assert "USER lacks USE" in decision.reason


def test_a_read_only_key_reads():
    assert may_use(caller(read_only=True), write=False).allowed


def test_a_read_only_key_never_creates():
    decision = may_use(caller(read_only=True), write=True)
    assert (decision.allowed, decision.code) == (False, "read_only_key")
    assert may_run(caller(read_only=True), HELPER, VIEW).code == "read_only_key"


@pytest.mark.parametrize("bits", range(16))
def test_an_agent_exists_for_whoever_holds_view_and_for_nobody_else(bits):
    decision = may_view(caller(), "helper", bits)
    assert decision.allowed == bool(bits & VIEW)
    assert decision.code == (None if bits & VIEW else "model_not_found")


def test_the_right_to_edit_delete_and_share_does_not_include_the_right_to_view():
    assert not may_view(caller(), "helper", EDIT | DELETE | SHARE).allowed


def test_a_key_for_other_agents_hides_an_agent_its_user_may_see():
    principal = caller(agents=("other",))
    assert may_view(principal, "helper", VIEW).code == "model_not_found"
    assert may_view(principal, "other", VIEW).allowed


def test_a_key_for_no_agent_hides_all():
    assert not may_view(caller(agents=()), "helper", VIEW).allowed


def test_an_administrator_needs_a_grant_like_everybody():
    assert may_run(caller("ADMIN"), HELPER, 0).code == "model_not_found"


def test_whoever_lacks_use_learns_nothing_about_agents():
    assert may_run(caller("USER"), HELPER, VIEW) == may_run(caller("USER"), HELPER, 0)


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        (Limits(), True),
        (Limits(providers=("demo",), models=("echo",)), True),
        (Limits(providers=("other",)), False),
        (Limits(models=("other",)), False),
        (Limits(providers=()), False),
    ],
)
def test_an_agent_whose_provider_or_model_is_not_allowed_does_not_exist(limits, allowed):
    principal = dataclasses.replace(caller(), limits=limits)
    decision = may_address(principal, HELPER, VIEW)
    assert (decision.allowed, decision.code) == (allowed, None if allowed else "model_not_found")
    assert may_run(principal, HELPER, VIEW).allowed == allowed


def test_an_allowed_model_is_no_grant():
    principal = dataclasses.replace(caller(), limits=Limits(providers=("demo",)))
    assert not may_address(principal, HELPER, 0).allowed


@given(
    role=st.sampled_from(["ADMIN", "USER"]),
    agents=st.none() | st.lists(st.sampled_from(["helper", "other"])).map(tuple),
    read_only=st.booleans(),
    bits=st.integers(0, 15),
)
def test_only_what_is_visible_and_permitted_can_be_run(role, agents, read_only, bits):
    principal = caller(role, agents=agents, read_only=read_only)
    decision = may_run(principal, HELPER, bits)
    assert decision.allowed == (may_use(principal, write=True).allowed and may_view(principal, "helper", bits).allowed)
    assert decision.reason
    assert (decision.code is None) if decision.allowed else (decision.code in CODES)


def test_the_built_in_roles_hold_every_permission_and_none():
    roles = built_in("acme")
    assert roles["ADMIN"].remote_agents == frozenset(PERMISSIONS)
    assert roles["USER"].remote_agents == frozenset()


@pytest.mark.parametrize(("bits", "name"), [(1, "viewer"), (3, "editor"), (15, "owner"), (5, "5"), (0, "0")])
def test_bits_are_named_by_their_level_or_by_their_number(bits, name):
    assert level_of(bits) == name
