"""Instructor, unchanged, in the modes that its users choose for OpenAI-compatible servers."""

from __future__ import annotations

import cases
import instructor
import openai
from pydantic import BaseModel

SDK = openai.AsyncOpenAI(base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0)
SAID = [{"role": "user", "content": "My name is Ada and I am 36."}]


async def _in(mode: instructor.Mode) -> None:
    client = instructor.from_openai(SDK, mode=mode)
    person = await client.chat.completions.create(
        model=cases.AGENT, messages=SAID, response_model=cases.Person, max_retries=0
    )
    assert isinstance(person, cases.Person)


async def tools() -> None:
    await _in(instructor.Mode.TOOLS)


async def tools_strict() -> None:
    await _in(instructor.Mode.TOOLS_STRICT)


async def json_schema() -> None:
    await _in(instructor.Mode.JSON_SCHEMA)


async def partial_streaming() -> None:
    client = instructor.from_openai(SDK, mode=instructor.Mode.TOOLS)
    seen = [
        partial
        async for partial in client.chat.completions.create_partial(
            model=cases.AGENT, messages=SAID, response_model=cases.Person, max_retries=0
        )
    ]
    assert len(seen) > 1
    assert seen[-1].age is not None


class Population(BaseModel):
    """How many people live in a city."""

    people: str


async def server_tools() -> None:
    """The tool runs on the server first, and the object is made of what it returned."""
    client = instructor.from_openai(SDK, mode=instructor.Mode.JSON_SCHEMA)
    asked = [{"role": "user", "content": "What is the population of Paris?"}]
    found = await client.chat.completions.create(
        model=cases.ACTING, messages=asked, response_model=Population, max_retries=0
    )
    assert isinstance(found, Population)


cases.run(tools, tools_strict, json_schema, partial_streaming, server_tools)
