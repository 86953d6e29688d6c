"""Simon Willison's ``llm``, unchanged: a model of ``extra-openai-models.yaml``, by its Python API."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

HOME = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(HOME)

import cases  # noqa: E402
import llm  # noqa: E402

(HOME / "extra-openai-models.yaml").write_text(
    "".join(
        f"""\
- model_id: {model}
  model_name: {name}
  api_base: {cases.BASE_URL}
  api_key_name: antiphon
  supports_tools: true
  supports_schema: true
  vision: true
"""
        for model, name in (("antiphon", cases.AGENT), ("acting", cases.ACTING), ("both", cases.BOTH))
    )
)
(HOME / "keys.json").write_text(json.dumps({"antiphon": cases.API_KEY}))
MODEL = llm.get_model("antiphon")
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


async def text() -> None:
    answer = MODEL.prompt("Hello!", stream=False)
    assert "Hello!" in answer.text()
    assert answer.usage().output > 0


async def streaming() -> None:
    pieces = list(MODEL.prompt("Hello!", stream=True))
    assert len(pieces) > 1
    assert "Hello!" in "".join(pieces)


async def tools_over_several_turns() -> None:
    conversation = MODEL.conversation(tools=[cases.get_weather])
    for city in ("Paris", "Rome"):
        assert f"17 degrees and sunny in {city}" in conversation.chain(f"What is the weather in {city}?").text()


async def memory_by_items() -> None:
    conversation = MODEL.conversation()
    conversation.prompt("My name is Ada.").text()
    assert "Ada" in conversation.prompt("What is my name?").text()


async def structured_output() -> None:
    assert '"name"' in MODEL.prompt("My name is Ada.", schema=PERSON).text()


async def server_tools() -> None:
    conversation = llm.get_model("acting").conversation()
    assert cases.POPULATION in conversation.prompt("What is the population of Paris?", stream=False).text()
    assert cases.POPULATION in conversation.prompt("And the population of Rome?", stream=False).text()


async def server_tools_streaming() -> None:
    assert cases.POPULATION in "".join(llm.get_model("acting").prompt("What is the population of Paris?", stream=True))


async def server_tools_beside_own() -> None:
    answer = llm.get_model("both").conversation(tools=[cases.get_weather]).chain(cases.FOR_BOTH).text()
    assert cases.WEATHER in answer
    assert cases.POPULATION in answer


cases.run(
    server_tools,
    server_tools_streaming,
    server_tools_beside_own,
    text,
    streaming,
    tools_over_several_turns,
    memory_by_items,
    structured_output,
)
