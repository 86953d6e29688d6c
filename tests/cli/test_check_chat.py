"""``antiphon check --chat``: it passes a right server, and finds exactly what a wrong one does wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.chat_probes import CHAT_PROBES
from tests.support.command import Antiphon
from tests.support.corrupting import Exchange, corrupting
from tests.support.service import Service

NAMES = [probe.__name__ for probe in CHAT_PROBES]
STREAMS = {"chat_stream", "chat_stream_usage", "chat_tools_stream", "chat_limit", "chat_stop"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="module")
def key(service: Service) -> str:
    return service.key()


@pytest.fixture
def antiphon(capsys: pytest.CaptureFixture[str]) -> Antiphon:
    return Antiphon((), capsys.readouterr)


def test_antiphon_itself_passes_every_check(service: Service, key: str, antiphon: Antiphon) -> None:
    outcome = antiphon("check", "--chat", service.base_url, "--key", key, "--agent", "agent")
    assert outcome.code == 0, outcome.out
    lines = outcome.out.splitlines()
    assert [line.split()[:2] for line in lines[: len(NAMES)]] == [["ok", name] for name in NAMES]


def no_done(exchange: Exchange) -> None:
    exchange.body = exchange.body.removesuffix(b"data: [DONE]\n\n")


def no_role(exchange: Exchange) -> None:
    if exchange.kind == "text/event-stream":
        exchange.body = exchange.body.replace(b'"role":"assistant",', b"")


def always_stop(exchange: Exchange) -> None:
    if exchange.kind == "text/event-stream":
        exchange.body = exchange.body.replace(b'"finish_reason":"length"', b'"finish_reason":"stop"')


def calls_from_one(exchange: Exchange) -> None:
    exchange.body = re.sub(rb'"tool_calls":\[\{"index":0', b'"tool_calls":[{"index":1', exchange.body)


def usage_unasked(exchange: Exchange) -> None:
    if exchange.kind == "text/event-stream" and b"include_usage" not in exchange.sent:
        used = b',"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\ndata: [DONE]'
        exchange.body = exchange.body.replace(b"}\n\ndata: [DONE]", used)


def ignores_stop(exchange: Exchange) -> None:
    if b'"stop"' in exchange.sent:
        exchange.body = exchange.body.replace(b'"content":""', b'"content":"one two"')


def own_envelope(exchange: Exchange) -> None:
    if exchange.status >= 400:
        exchange.body = b'{"detail":"no"}'


def refuses_developers(exchange: Exchange) -> None:
    if b'"developer"' in exchange.sent:
        exchange.status, exchange.body = 400, json.dumps({"error": {"message": "Unknown role."}}).encode()


def refuses_everything(exchange: Exchange) -> None:
    exchange.status, exchange.kind, exchange.body = 500, "text/plain", b"oops"


FAULTS: dict[Callable[[Exchange], None], set[str]] = {
    no_done: STREAMS,
    no_role: STREAMS,
    always_stop: {"chat_limit"},
    calls_from_one: {"chat_tools_stream"},
    usage_unasked: STREAMS - {"chat_stream_usage"},
    ignores_stop: {"chat_stop"},
    own_envelope: {"chat_errors"},
    refuses_developers: {"chat_messages"},
    refuses_everything: set(NAMES),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_server_that_is_wrong_in_one_way_fails_the_checks_of_it_and_no_other(
    service: Service, key: str, antiphon: Antiphon, fault: Callable[[Exchange], None]
) -> None:
    with corrupting(service.root, fault) as base_url:
        outcome = antiphon("check", "--chat", base_url, "--key", key, "--agent", "agent", "--json")
    assert outcome.code == 1
    assert {check["check"] for check in outcome.data["checks"] if check["problems"]} == FAULTS[fault]


def test_it_opens_no_store(
    service: Service, key: str, antiphon: Antiphon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    antiphon.done("check", "--chat", service.base_url, "--key", key, "--agent", "agent")
    assert list(tmp_path.iterdir()) == []
