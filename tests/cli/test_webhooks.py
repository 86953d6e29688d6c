"""``antiphon webhooks``: made, listed, tested, rotated and deleted; a secret is printed once."""

from __future__ import annotations

import pytest

from tests.support.answering import Answer


@pytest.fixture
def made(antiphon, staffed, receiver, monkeypatch):
    monkeypatch.setenv("ANTIPHON_WEBHOOK_HOSTS", receiver.place)
    return antiphon.read("webhooks", "create", receiver.url("/hook"), "--name", "ours", "--event", "response.failed")


def test_a_webhook_is_made_and_listed_without_its_secret(antiphon, receiver, made):
    assert made["signing_secret"].startswith("whsec_")
    [listed] = antiphon.read("webhooks", "list")
    assert listed == {name: value for name, value in made.items() if name != "signing_secret"}
    assert (listed["url"], listed["name"], listed["event_types"]) == (
        receiver.url("/hook"),
        "ours",
        ["response.failed"],
    )


def test_a_secret_is_rotated(antiphon, made):
    rotated = antiphon.read("webhooks", "rotate", made["id"], "--keep-old")
    assert rotated["signing_secret"] not in {None, made["signing_secret"]}


def test_a_test_event_arrives_or_its_failure_is_shown(antiphon, receiver, made):
    assert antiphon.done("webhooks", "test", made["id"]) == f"arrived  {made['id']}\n"
    assert receiver.asked[0].json["type"] == "response.completed"
    receiver.answer = lambda _: Answer(503)
    assert "the test did not arrive: 503" in antiphon.refused("webhooks", "test", made["id"])


def test_a_host_that_is_not_allowed_is_named_with_its_setting(antiphon, receiver, made, monkeypatch):
    monkeypatch.delenv("ANTIPHON_WEBHOOK_HOSTS")
    setting = "ANTIPHON_WEBHOOK_HOSTS (on AWS: WebhookHosts)"
    assert setting in antiphon.refused("webhooks", "create", receiver.url("/hook"))
    assert setting in antiphon.refused("webhooks", "test", made["id"])
    assert len(antiphon.read("webhooks", "list")) == 1


def test_a_webhook_is_shown_with_its_facts(antiphon, receiver, made):
    shown = antiphon.read("webhooks", "show", made["id"])
    assert (shown["url"], shown["failed"]) == (receiver.url("/hook"), [])
    assert "response.failed" in antiphon.done("webhooks", "show", made["id"])


def test_a_name_that_is_too_long_is_refused_in_a_line(antiphon, staffed):
    assert "name: " in antiphon.refused("webhooks", "create", "https://example.com/", "--name", "x" * 300)
    assert "name: " in antiphon.refused("keys", "create", "--user", "bob", "--name", "x" * 300)
    assert "name: " in antiphon.refused("users", "put", "eve", "--name", "x" * 300)


def test_a_deleted_webhook_is_gone_and_an_absent_one_is_refused(antiphon, made):
    antiphon.done("webhooks", "delete", "--yes", made["id"])
    assert antiphon.read("webhooks", "list") == []
    assert "there is no webhook" in antiphon.refused("webhooks", "rotate", made["id"])
    assert antiphon.read("webhooks", "failures") == []


@pytest.mark.parametrize("arguments", [("ftp://x/",), ("https://u@x/",), ("https://x/", "--event", "response.born")])
def test_what_cannot_be_a_webhook_is_refused(antiphon, staffed, arguments):
    antiphon.refused("webhooks", "create", *arguments)
    assert antiphon.read("webhooks", "list") == []


@pytest.mark.parametrize("url", ["example.com/hook", "ftp://example.com", "https://"])
def test_a_url_that_is_not_whole_is_refused_with_one_that_is(staffed, url):
    line = staffed.refused("webhooks", "create", url)
    assert "`url`: This must be a whole URL, such as `https://example.com/hook`" in line
