"""`grants`: who may do what, and why."""

from __future__ import annotations

import pytest


def levels(antiphon):
    return {grant["principal"]: grant["level"] for grant in antiphon.read("grants", "list", "helper")}


@pytest.mark.parametrize("principal", ["user:bob", "group:staff", "role:STAFF", "public"])
def test_a_grant_is_added_changed_and_removed(helper, principal):
    helper.done("grants", "add", "helper", principal, "viewer")
    assert levels(helper) == {"user:ada": "owner", principal: "viewer"}
    helper.done("grants", "add", "helper", principal, "5")
    assert levels(helper) == {"user:ada": "owner", principal: "5"}
    helper.done("grants", "remove", "--yes", "helper", principal)
    assert levels(helper) == {"user:ada": "owner"}


def test_the_authors_own_grant_can_be_neither_removed_nor_lowered(helper):
    assert "author of agent helper and stays its owner" in helper.refused(
        "grants", "remove", "--yes", "helper", "user:ada"
    )
    assert "stays its owner" in helper.refused("grants", "add", "helper", "user:ada", "viewer")
    assert levels(helper) == {"user:ada": "owner"}


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("absent", "public", "viewer"), "antiphon agents list"),
        (("helper", "user:eve", "viewer"), "antiphon users put eve"),
        (("helper", "group:eve", "viewer"), "antiphon groups put eve"),
        (("helper", "role:EVE", "viewer"), "antiphon roles put EVE"),
        (("helper", "bob", "viewer"), "is no principal: user:ID, group:ID, role:ID or public"),
        (("helper", "public", "king"), "a level is viewer, editor, owner or a number from 1 to 15"),
        (("helper", "public", "0"), "a level is"),
        (("helper", "public", "veiwer"), "did you mean viewer?"),
    ],
)
def test_a_grant_that_could_have_no_effect_is_refused_with_advice(helper, arguments, advice):
    assert advice in helper.refused("grants", "add", *arguments)
    assert levels(helper) == {"user:ada": "owner"}


def test_a_grant_that_is_not_there_cannot_be_removed(helper):
    assert "has no grant on the agent" in helper.refused("grants", "remove", "--yes", "helper", "public")


def test_why_says_that_a_grant_is_missing(helper):
    verdict = helper.read("grants", "why", "helper", "bob")
    assert (verdict["allowed"], verdict["code"], verdict["bits"]) == (False, "model_not_found", 0)
    assert "without VIEW" in verdict["reason"]


def test_why_adds_the_bits_of_all_principals(helper):
    helper.done("grants", "add", "helper", "group:staff", "2")
    helper.done("grants", "add", "helper", "role:STAFF", "1")
    verdict = helper.read("grants", "why", "helper", "bob")
    assert (verdict["allowed"], verdict["code"], verdict["bits"]) == (True, None, 3)
    assert verdict["grants"] == [
        {"principal": "user:bob", "bits": 0},
        {"principal": "group:staff", "bits": 2},
        {"principal": "role:STAFF", "bits": 1},
        {"principal": "public", "bits": 0},
    ]


def test_why_says_that_the_role_may_not_use_agents(helper):
    helper.done("users", "put", "eve")
    helper.done("grants", "add", "helper", "user:eve", "viewer")
    verdict = helper.read("grants", "why", "helper", "eve")
    assert (verdict["allowed"], verdict["code"]) == (False, "permission_denied")
    assert "role USER lacks USE" in verdict["reason"]


def test_why_says_that_the_configuration_does_not_allow_the_provider(helper, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("providers: [bedrock]\n")
    helper.done("tenants", "put", "default", "--limits", str(limits))
    verdict = helper.read("grants", "why", "helper", "ada")
    assert (verdict["allowed"], verdict["code"]) == (False, "model_not_found")
    assert "does not allow provider demo" in verdict["reason"]


def test_why_is_told_step_by_step(helper):
    helper.done("grants", "add", "helper", "group:staff", "viewer")
    assert helper.done("grants", "why", "helper", "bob").splitlines() == [
        "user                  bob",
        "role                  STAFF",
        "permissions           USE",
        "grant to user:bob     -",
        "grant to group:staff  viewer (1)",
        "grant to role:STAFF   -",
        "grant to public       -",
        "effective bits        1",
        "verdict               allowed: user bob has VIEW on agent helper",
    ]


def test_why_says_from_when_it_holds(helper, request):
    outcome = helper("grants", "why", "helper", "bob")
    if "--database" in helper.place:
        assert outcome.err == ""
        assert helper.read("grants", "why", "helper", "bob")["holds_within_seconds"] == 0
    else:
        assert "within 60 seconds" in outcome.err
        assert helper.read("grants", "why", "helper", "bob")["holds_within_seconds"] == 60


def test_why_asks_for_what_is_there(helper):
    assert "antiphon users put eve" in helper.refused("grants", "why", "helper", "eve")
    assert "no agent absent" in helper.refused("grants", "why", "absent", "bob")
