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
    f"""\
- model_id: antiphon
  model_name: {cases.AGENT}
  api_base: {cases.BASE_URL}
  api_key_name: antiphon
  supports_tools: true
  supports_schema: true
  vision: true
"""
)
(HOME / "keys.json").write_text(json.dumps({"antiphon": cases.API_KEY}))
MODEL = llm.get_model("antiphon")
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"17 degrees and sunny in {city}"


async def text() -> None:
    answer = MODEL.prompt("Hello!", stream=False)
    assert "Hello!" in answer.text()
    assert answer.usage().output > 0


async def streaming() -> None:
    pieces = list(MODEL.prompt("Hello!", stream=True))
    assert len(pieces) > 1
    assert "Hello!" in "".join(pieces)


async def tools_over_several_turns() -> None:
    conversation = MODEL.conversation(tools=[get_weather])
    for city in ("Paris", "Rome"):
        assert f"17 degrees and sunny in {city}" in conversation.chain(f"What is the weather in {city}?").text()


async def memory_by_items() -> None:
    conversation = MODEL.conversation()
    conversation.prompt("My name is Ada.").text()
    assert "Ada" in conversation.prompt("What is my name?").text()


async def structured_output() -> None:
    assert '"name"' in MODEL.prompt("My name is Ada.", schema=PERSON).text()


cases.run(text, streaming, tools_over_several_turns, memory_by_items, structured_output)
