"""``antiphon responses``: show, follow, cancel and delete over HTTP."""

from __future__ import annotations

import threading

import pytest

from tests.support.command import EXECUTABLE, run
from tests.support.cutting import Cutting
from tests.support.durable import SOON, held
from tests.support.service import Service
from tests.support.streams import assert_stream
from tests.support.terminal import INTERRUPT, Terminal
from tests.support.upstream import Script, answer, finish, text, tool_call, usage


@pytest.fixture
def service(tmp_path, upstream):
    with Service(tmp_path, upstream, **SOON) as service:
        yield service


@pytest.fixture
def antiphon(tmp_path, service, key):
    def antiphon(*arguments):
        environ = {"ANTIPHON_BASE_URL": service.base_url, "ANTIPHON_API_KEY": key}
        return run("responses", *arguments, cwd=tmp_path, environ=environ)

    return antiphon


def test_a_response_is_shown_with_its_items(antiphon, service, key, upstream):
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    upstream.scripts = [
        Script.stream(
            text("Let me see"), tool_call(0, "c1", "get_weather", '{"a":1}'), finish("tool_calls"), usage(3, 2)
        )
    ]
    response = service.create(key, input="Hi", tools=[tool])
    shown = antiphon("show", response["id"])
    assert shown.code == 0
    for wanted in (response["id"], "completed", "3 in, 2 out", "assistant: Let me see", 'call get_weather {"a":1}'):
        assert wanted in shown.out
    assert antiphon("show", response["id"], "--json").data == response


def test_a_running_response_is_followed_to_its_end_and_read_after_any_event(antiphon, service, key, upstream):
    script, gate = held(text("Half"), after=(text(" and half"),))
    upstream.scripts = [script]
    response = service.create(key, input="Hi", background=True)
    threading.Timer(0.2, gate.open).start()
    assert antiphon("follow", response["id"]).out == "Half and half\n"
    whole = service.retrieve(key, response["id"])
    assert antiphon("follow", response["id"], "--json").data == whole
    events = assert_stream(service.get(f"/v1/responses/{response['id']}?stream=true", key).content)
    half = next(event["sequence_number"] for event in events if event.get("delta") == "Half")
    assert antiphon("follow", response["id"], "--after", str(half)).out == " and half\n"
    refused = antiphon("follow", response["id"], "--after", "1000")
    assert refused.code == 1


def test_ctrl_c_ends_the_following_and_not_the_response(tmp_path, service, key, upstream):
    script, gate = held(text("Half"))
    upstream.scripts = [script]
    response = service.create(key, input="Hi", background=True)
    options = ("--url", service.base_url, "--key", key)
    with Terminal([EXECUTABLE, "responses", "follow", response["id"], *options], tmp_path) as terminal:
        terminal.until("Half")
        terminal.type(INTERRUPT)
        assert terminal.ended() == 130
        assert "Traceback" not in terminal.shown
    assert service.retrieve(key, response["id"])["status"] == "in_progress"
    gate.open()


def test_following_goes_on_after_a_lost_connection(tmp_path, service, key, upstream):
    upstream.scripts = [answer("one two three")]
    response = service.create(key, input="Hi")
    with Cutting(service.root, b'"delta":" two"', times=3) as cutting:
        options = ("--url", cutting.base_url, "--key", key)
        followed = run("responses", "follow", response["id"], *options, cwd=tmp_path)
    assert (followed.code, followed.out) == (0, "one two three\n")
    assert "reading on" in followed.err


def test_a_running_response_is_cancelled(antiphon, service, key, upstream):
    script, _gate = held(text("Half"))
    upstream.scripts = [script]
    response = service.create(key, input="Hi", background=True)
    cancelled = antiphon("cancel", response["id"])
    assert (cancelled.code, cancelled.out) == (0, f"cancelled  {response['id']}\n")
    assert service.retrieve(key, response["id"])["status"] == "cancelled"


def test_a_response_is_deleted(antiphon, service, key):
    response = service.create(key, input="Hi")
    assert antiphon("delete", "--yes", response["id"]).code == 0
    assert service.get(f"/v1/responses/{response['id']}", key).status_code == 404


def test_the_responses_of_the_keys_user_are_listed_newest_first_page_by_page(tmp_path, upstream):
    with Service(tmp_path, upstream, manages=True) as service:
        ids = [service.create(service.key(), input="x")["id"] for _ in range(3)]
        environ = {"ANTIPHON_BASE_URL": service.base_url, "ANTIPHON_API_KEY": service.key()}
        first = run("responses", "list", "--limit", "2", cwd=tmp_path, environ=environ)
        assert "there are more: --after resp_" in first.err
        listed = run("responses", "list", "--json", cwd=tmp_path, environ=environ).data
        assert {each["id"] for each in listed} == set(ids)
        page = run("responses", "list", "--limit", "2", "--json", cwd=tmp_path, environ=environ).data
        rest = run("responses", "list", "--after", page[-1]["id"], "--json", cwd=tmp_path, environ=environ).data
        assert [each["id"] for each in page + rest] == [each["id"] for each in listed]
        other = run("responses", "list", "--user", "eve", cwd=tmp_path, environ=environ)
        assert (other.code, other.out) == (1, "")


@pytest.mark.parametrize("command", [("show",), ("follow",), ("cancel",), ("delete", "--yes")])
def test_an_absent_response_is_one_line(antiphon, command):
    outcome = antiphon(*command, "resp_absent")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("antiphon: the server answers 404: ")
    assert outcome.err.count("\n") == 1


def test_deleting_asks_on_a_terminal(tmp_path, service, key):
    response = service.create(key, input="Hi")
    command = [EXECUTABLE, "responses", "delete", response["id"], "--url", service.base_url, "--key", key]
    with Terminal(command, tmp_path) as terminal:
        terminal.until("[y/N] ")
        terminal.type("\n")
        assert terminal.ended() == 1
        assert "nothing was done" in terminal.shown
    assert service.retrieve(key, response["id"])["status"] == "completed"
    with Terminal(command, tmp_path) as terminal:
        terminal.until("[y/N] ")
        terminal.type("y\n")
        assert terminal.ended() == 0
    assert service.get(f"/v1/responses/{response['id']}", key).status_code == 404
