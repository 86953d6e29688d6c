"""The streaming runtime as a real process, against a strict Runtime API."""

import json
import os
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from antiphon.awslambda import http
from tests.support.foreign import FOREIGN
from tests.support.lambda_app import PIECE, PIECES
from tests.support.runtime_api import PATIENCE, LocalRuntimeApi, kill

APP = "tests.support.lambda_app.handler"
EVENTS = Path(__file__).parents[2] / "events"


def rest(path, body=None):
    event = json.loads((EVENTS / "create-response.rest.json").read_text())
    return event | {"path": path, "body": json.dumps(body or {})}


def url(path, body=None):
    event = json.loads((EVENTS / "create-response.url.json").read_text())
    return event | {"rawPath": path, "body": json.dumps(body or {})}


@pytest.fixture
def api():
    with LocalRuntimeApi() as api:
        yield api


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def gates(tmp_path):
    paths = [tmp_path / "gate0", tmp_path / "gate1"]
    for path in paths:
        os.mkfifo(path)
    return paths


def test_each_increment_arrives_before_the_application_makes_the_next(api, log, gates):
    with api.function(APP, log=log):
        answer = api.invoke(rest("/stream", {"gates": [str(gate) for gate in gates]}))
        answer.wait(lambda: answer.body == b"data: 0\n\n")
        gates[0].write_bytes(b"")
        answer.wait(lambda: answer.body == b"data: 0\n\ndata: 1\n\n")
        assert answer.state == "streaming"
        gates[1].write_bytes(b"")
        assert answer.ended().state == "complete"
    assert answer.body == b"data: 0\n\ndata: 1\n\ndata: end\n\n"


def test_one_message_is_one_chunk(api, log, gates):
    with api.function(APP, log=log):
        answer = api.invoke(rest("/stream", {"gates": []})).ended()
    assert answer.chunks[1:] == [b"data: end\n\n"]
    assert answer.chunks[0].endswith(b"\0" * 8)


def test_behind_a_function_url_a_comment_goes_first_so_that_the_first_event_is_not_held(api, log):
    with api.function(APP, log=log):
        answer = api.invoke(url("/stream", {"gates": []})).ended()
        plain = api.invoke(url("/echo")).ended()
    assert answer.chunks[1:] == [b": ok\n\n", b"data: end\n\n"]
    assert plain.body.startswith(b"{")


@pytest.mark.parametrize("event", [rest("/echo", {"a": "é"}), url("/echo", {"a": "é"})], ids=["rest", "url"])
def test_the_application_sees_the_request_and_the_caller_the_response(api, log, event):
    with api.function(APP, log=log):
        answer = api.invoke(event, seconds=60).ended()
    assert answer.prelude == {
        "statusCode": 201,
        "headers": {"content-type": "application/json", "vary": "origin, accept"},
        "cookies": ["a=1", "b=2"],
    }
    seen = json.loads(answer.body)
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/echo", event["body"])
    assert seen["antiphon.deadline"] == pytest.approx(answer.deadline, abs=0.001)
    assert seen["antiphon.request_id"] == answer.request_id


def test_several_invocations_run_one_after_another_in_one_process(api, log):
    with api.function(APP, log=log):
        bodies = [
            json.loads(api.invoke(make("/echo", {"n": n})).ended().body) for n in range(3) for make in (rest, url)
        ]
    assert [json.loads(seen["body"])["n"] for seen in bodies] == [0, 0, 1, 1, 2, 2]
    assert len({seen["antiphon.request_id"] for seen in bodies}) == 6


def test_a_crash_before_the_first_byte_is_an_invocation_error_and_the_process_goes_on(api, log):
    with api.function(APP, log=log):
        answer = api.invoke(rest("/crash_first")).ended()
        assert api.invoke(rest("/echo")).ended().state == "complete"
    assert answer.state == "error"
    assert answer.error["errorType"] == "ValueError"
    assert any("crash_first" in frame for frame in answer.error["stackTrace"])


def test_a_crash_in_mid_stream_is_told_in_trailers_and_never_in_the_body(api, log):
    with api.function(APP, log=log):
        answer = api.invoke(rest("/crash_in_the_middle")).ended()
        assert api.invoke(rest("/echo")).ended().state == "complete"
    assert answer.body == b"data: 0\n\n"
    assert answer.trailers["lambda-runtime-function-error-type"] == "ValueError"
    assert answer.trailer_error["errorType"] == "ValueError"


def test_a_crash_after_the_last_byte_changes_nothing_for_the_caller(api, log):
    with api.function(APP, log=log):
        answer = api.invoke(rest("/crash_at_the_end")).ended()
        assert api.invoke(rest("/echo")).ended().state == "complete"
    assert (answer.state, answer.trailers) == ("complete", {})
    assert "invocation failed in state COMPLETE: ValueError" in log.read_text()


def test_no_message_of_an_exception_reaches_the_log_or_the_caller(api, log):
    with api.function(APP, log=log):
        answers = [
            api.invoke(rest(path)).ended() for path in ("/crash_first", "/crash_in_the_middle", "/crash_at_the_end")
        ]
    told = repr([(answer.error, answer.body, answer.trailers) for answer in answers]) + repr(answers[1].trailer_error)
    assert "canary" not in told + log.read_text()


@pytest.mark.parametrize(("path", "error"), [("/silent", "UnexpectedMessage"), ("/body_first", "UnexpectedMessage")])
def test_an_application_that_breaks_the_protocol_before_the_first_byte_gets_an_error(api, log, path, error):
    with api.function(APP, log=log):
        assert api.invoke(rest(path)).ended().error["errorType"] == error


@pytest.mark.parametrize("path", ["/half", "/start_twice"])
def test_an_application_that_breaks_the_protocol_in_mid_stream_ends_in_trailers(api, log, path):
    with api.function(APP, log=log):
        assert api.invoke(rest(path)).ended().trailer_error["errorType"] == "UnexpectedMessage"


def test_an_application_that_cancels_itself_does_not_end_the_runtime(api, log):
    with api.function(APP, log=log):
        assert api.invoke(rest("/cancel")).ended().error["errorType"] == "CancelledError"
        assert api.invoke(rest("/echo")).ended().state == "complete"


def test_an_event_that_is_no_request_is_answered_in_one_piece_and_is_no_error(api, log):
    """A schedule that kept a function warm made every alarm ring: mbeher2200/DarkHours#75, Kludex/mangum#266."""
    with api.function(APP, log=log):
        answers = [api.invoke(event).ended() for event in FOREIGN.values()]
        assert {(answer.state, str(answer.document)) for answer in answers} == {("complete", str(http.IGNORED))}
        assert api.invoke(rest("/echo")).ended().state == "complete"


def test_an_answer_without_a_body_is_whole(api, log):
    """Other runtimes lose its head or its end: aws/aws-lambda-web-adapter#499, h3js/srvx#204, middyjs/middy#1189."""
    with api.function(APP, log=log):
        for event in (rest("/nothing"), url("/nothing")):
            answer = api.invoke(event).ended()
            assert (answer.state, answer.prelude["statusCode"], answer.body) == ("complete", 204, b"")


def test_the_base_path_of_a_custom_domain_is_taken_off(api, log):
    with api.function(APP, log=log, environ={"ANTIPHON_BASE_PATH": "agents"}):
        assert json.loads(api.invoke(rest("/agents/echo")).ended().body)["path"] == "/echo"


def test_the_application_hears_of_the_end_of_its_response_and_may_send_empty_bodies(api, log):
    with api.function(APP, log=log):
        assert api.invoke(rest("/after_the_end")).ended().body == b"{}"
        assert api.invoke(rest("/echo")).ended().state == "complete"
    assert "told: http.disconnect" in log.read_text()


def test_a_function_that_cannot_be_imported_is_an_init_error_and_ends_the_process(api, log):
    with api.function("tests.support.no_such_app.handler", log=log) as process:
        assert process.wait(PATIENCE) == 1
    assert api.init_error["errorType"] == "ModuleNotFoundError"


def test_a_killed_function_cuts_its_stream_without_an_end(api, log, gates):
    with api.function(APP, log=log) as process:
        answer = api.invoke(rest("/stream", {"gates": [str(gates[0])]}))
        answer.wait(lambda: answer.body == b"data: 0\n\n")
        kill(process)
        assert answer.ended().state == "cut"


def test_the_environment_says_how_many_invocations_run_at_once(api, log, gates):
    with api.function(APP, log=log, environ={"AWS_LAMBDA_MAX_CONCURRENCY": "2"}):
        held = api.invoke(rest("/stream", {"gates": [str(gates[0])]}))
        held.wait(lambda: held.body == b"data: 0\n\n")
        assert api.invoke(rest("/echo")).ended().state == "complete"
        assert held.state == "streaming"
        gates[0].write_bytes(b"")
        assert held.ended().state == "complete"


@contextmanager
def unread(answer):
    """Take no more chunks of an answer within the block. Yield what is set once one waits to be taken."""
    take, waits, go_on = answer.change, threading.Event(), threading.Event()

    def wait(*args, **named):
        waits.set()
        go_on.wait(PATIENCE)
        take(*args, **named)

    answer.change = wait
    try:
        yield waits
    finally:
        go_on.set()


def test_an_application_does_not_run_ahead_of_a_runtime_api_that_does_not_read(api, log, gates):
    with api.function(APP, log=log, environ={"AWS_LAMBDA_MAX_CONCURRENCY": "2"}):
        answer = api.invoke(rest("/flood", {"gates": [str(gates[0])]}))
        answer.wait(lambda: answer.chunks)
        with unread(answer) as waits:
            gates[0].write_bytes(b"")
            assert waits.wait(PATIENCE)
            assert 0 < int(api.invoke(rest("/how_much")).ended().body) < PIECES
        assert answer.ended().state == "complete"
    assert answer.body == PIECE * PIECES


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("attempts", [True, False])
def test_an_event_of_six_megabytes_arrives_whole_however_it_is_framed(log, chunked, attempts):
    with LocalRuntimeApi(attempts=attempts, chunked=chunked) as api, api.function(APP, log=log):
        answer = api.invoke(rest("/echo", {"text": "x" * 5_900_000})).ended()
    assert len(json.loads(json.loads(answer.body)["body"])["text"]) == 5_900_000


def test_a_runtime_api_that_goes_away_ends_the_process(log):
    with LocalRuntimeApi() as api:
        pass
    with api.function(APP, log=log) as process:
        assert process.wait(PATIENCE) != 0
