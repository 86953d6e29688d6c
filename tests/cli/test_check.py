"""``antiphon check``: it passes a right server, and finds exactly what a wrong one does wrong."""

from __future__ import annotations

import asyncio
import json
import re
import socket

import aiohttp
import pytest

from cli.probes import PROBES
from cli.remote import CheckedServer
from cli.unanswered import reason
from tests.support.command import Antiphon
from tests.support.corrupting import Exchange, corrupting
from tests.support.service import Service
from tests.support.spoiling import spoiling

NAMES = [probe.__name__ for probe in PROBES]
SOCKETS = {"websocket", "websocket_memory"}
"""The proxy of these tests has no WebSocket."""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="module")
def key(service):
    return service.key()


@pytest.fixture
def antiphon(capsys):
    return Antiphon((), capsys.readouterr)


def test_antiphon_itself_passes_every_check(service, key, antiphon):
    outcome = antiphon("check", service.base_url, "--key", key, "--agent", "agent")
    assert outcome.code == 0, outcome.out
    lines = outcome.out.splitlines()
    assert [line.split()[:2] for line in lines[: len(NAMES)]] == [["ok", name] for name in NAMES]
    assert lines[-1] == f"{len(NAMES)} of {len(NAMES)} passed: {service.base_url}, agent agent"


def test_the_report_can_be_read_by_a_program(service, key, antiphon):
    report = antiphon.read("check", service.base_url + "/", "--key", key, "--agent", "agent")
    assert (report["url"], report["agent"], report["failed"]) == (service.base_url, "agent", 0)
    assert [check["check"] for check in report["checks"]] == NAMES
    assert all(check["problems"] == [] and check["promise"].endswith(".") for check in report["checks"])


def cut(exchange: Exchange) -> None:
    if exchange.kind == "text/event-stream":
        exchange.body = exchange.body.removesuffix(b"data: [DONE]\n\n")


def gap(exchange: Exchange) -> None:
    exchange.body = re.sub(rb'"sequence_number":3\b', b'"sequence_number":9', exchange.body)


def unlike(exchange: Exchange) -> None:
    exchange.body = exchange.body.replace(b'"delta":"', b'"delta":"x')


def no_usage(exchange: Exchange) -> None:
    if exchange.method == "POST" and exchange.kind == "application/json":
        exchange.body = exchange.body.replace(b'"usage"', b'"used"')


def own_envelope(exchange: Exchange) -> None:
    if exchange.status >= 400:
        exchange.body = b'{"detail":"no"}'


def page(exchange: Exchange) -> None:
    if exchange.status == 401:
        exchange.body, exchange.kind = b"<h1>Who?</h1>", "text/html"


def forgetful(exchange: Exchange) -> None:
    if exchange.method == "GET" and "/responses/" in exchange.path:
        exchange.status, exchange.body = 404, b'{"error":{"message":"","type":"not_found","code":null,"param":null}}'


def no_list(exchange: Exchange) -> None:
    if exchange.path == "/v1/models":
        exchange.body = b"[]"


def other_arguments(exchange: Exchange) -> None:
    if exchange.method == "POST" and exchange.kind == "application/json":
        body = json.loads(exchange.body)
        for item in body.get("output", ()):
            if item["type"] == "function_call":
                item["arguments"] = "city=Paris"
        exchange.body = json.dumps(body).encode()


def refuses_images(exchange: Exchange) -> None:
    if b"input_image" in exchange.sent:
        exchange.status, exchange.body = 500, b"oops"


def refuses_everything(exchange: Exchange) -> None:
    exchange.status, exchange.kind, exchange.body = 500, "text/plain", b"oops"


def other_numbers(exchange: Exchange) -> None:
    if "starting_after" in exchange.path:
        exchange.body = re.sub(rb'"sequence_number":(\d)', rb'"sequence_number":9\1', exchange.body)


def whole_texts(exchange: Exchange) -> None:
    """Replay as the whole text in one delta, as a server does that does not keep where the deltas ended."""
    if exchange.method == "GET" and exchange.kind == "text/event-stream":
        exchange.body = re.sub(rb"event: response.output_text.delta\ndata: .*\n\n", b"", exchange.body, count=1)


def no_background(exchange: Exchange) -> None:
    if exchange.method == "POST" and exchange.kind == "application/json":
        exchange.body = exchange.body.replace(b'"background":true', b'"background":false')


STREAMS = {"streaming", "tool_stream", "resume", "background_stream"}
BODIES = {"text", "items", "system_prompt", "multi_turn", "chain", "tool_call", "no_tool", "image", "retrieve"}
FAULTS = {
    cut: STREAMS,
    gap: STREAMS,
    unlike: STREAMS,
    other_numbers: {"resume"},
    whole_texts: {"resume", "background_stream"},
    no_background: {"background"},
    no_usage: BODIES | {"background", "cancel"},
    own_envelope: {"errors"},
    page: {"errors"},
    forgetful: {"retrieve", "resume", "background", "background_stream", "cancel"},
    no_list: {"models"},
    other_arguments: {"tool_call"},
    refuses_images: {"image"},
    refuses_everything: set(NAMES) - SOCKETS,
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_server_that_is_wrong_in_one_way_fails_the_checks_of_it_and_no_other(service, key, antiphon, fault):
    with corrupting(service.root, fault) as base_url:
        outcome = antiphon("check", base_url, "--key", key, "--agent", "agent", "--json")
    assert outcome.code == 1
    assert {check["check"] for check in outcome.data["checks"] if check["problems"]} == FAULTS[fault]


def test_a_server_without_a_websocket_passes_and_is_said_to_have_none(service, key, antiphon):
    with corrupting(service.root, lambda _exchange: None) as base_url:
        outcome = antiphon("check", base_url, "--key", key, "--agent", "agent")
    assert outcome.code == 0
    absent = [line.split()[1] for line in outcome.out.splitlines() if line.startswith("absent")]
    assert set(absent) == SOCKETS
    count = len(NAMES) - len(SOCKETS)
    assert f"{count} of {count} passed, 2 not served" in outcome.out


def a_gap(event):
    if event.get("sequence_number") == 3:
        event["sequence_number"] = 9


def no_status(event):
    if event["type"] == "error":
        del event["status"]


def another_code(event):
    if event["type"] == "error":
        event["error"]["code"] = "odd"


def another_text(event):
    if event["type"] == "response.output_text.done":
        event["text"] += "x"


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        (a_gap, SOCKETS),
        (another_text, SOCKETS),
        (no_status, {"websocket_memory"}),
        (another_code, {"websocket_memory"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_websocket_that_is_wrong_in_one_way_fails_the_checks_of_it(service, key, fault, failing):
    async def problems(base_url):
        async with aiohttp.ClientSession() as session:
            server = CheckedServer(session, base_url, key, "agent")
            return {probe.__name__: await probe(server) for probe in PROBES if probe.__name__ in SOCKETS}

    with spoiling(service.root, fault) as base_url:
        found = asyncio.run(problems(base_url))
    assert {name for name, wrong in found.items() if wrong} == failing


def test_each_problem_stands_below_its_check(service, key, antiphon):
    with corrupting(service.root, cut) as base_url:
        outcome = antiphon("check", base_url, "--key", key, "--agent", "agent")
    lines = outcome.out.splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("FAILED  streaming"))
    assert lines[place + 1].startswith("        - done, event ")


def test_no_report_holds_what_the_server_said(service, key, antiphon):
    def canary(exchange: Exchange) -> None:
        exchange.status, exchange.body = 500, b'{"error":{"message":"canary-text","code":"odd"}}'

    with corrupting(service.root, canary) as base_url:
        outcome = antiphon("check", base_url, "--key", key, "--agent", "agent")
    assert "status 500" in outcome.out
    assert "canary-text" not in outcome.out + outcome.err
    assert key not in outcome.out + outcome.err


def test_a_server_that_does_not_answer_is_three(antiphon):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        outcome = antiphon("check", url, "--key", "k", "--agent", "agent")
    assert (outcome.code, outcome.out) == (3, "")
    assert "does not answer" in outcome.err


def test_the_key_can_come_from_the_environment(service, key, antiphon, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "--key" in antiphon.refused("check", service.base_url, "--agent", "agent")
    monkeypatch.setenv("OPENAI_API_KEY", key)
    antiphon.done("check", service.base_url, "--agent", "agent")


def test_what_is_no_url_is_refused(antiphon):
    assert "http://" in antiphon.refused("check", "127.0.0.1:8000", "--key", "k", "--agent", "agent")


def test_it_opens_no_store(service, key, antiphon, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    antiphon.done("check", service.base_url, "--key", key, "--agent", "agent")
    assert list(tmp_path.iterdir()) == []


def test_a_url_without_the_path_of_the_api_is_one_line_of_advice(service, key, antiphon):
    line = antiphon.refused("check", service.base_url.removesuffix("/v1"), "--key", key, "--agent", "a")
    assert "the server answers 404: " in line
    assert "/v1" in line


def test_why_a_server_does_not_answer_is_written_in_words(antiphon):
    with socket.create_server(("127.0.0.1", 0)) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    for words in (("check", url, "--agent", "a"), ("chat", "a", "-m", "Hi", "--url", url)):
        outcome = antiphon(*words, "--key", "k")
        assert outcome.code == 3
        assert f"{url} does not answer: the connection is refused" in outcome.err
    for error, words in (
        (socket.gaierror(-2, "Name or service not known"), "no machine of this name is known"),
        (TimeoutError(), "it took too long"),
        (OSError(113, "No route to host"), "no route to host"),
    ):
        assert reason(error) == words
