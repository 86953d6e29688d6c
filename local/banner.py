"""The text that the terminal shows when the server is ready, with first calls to copy."""

from __future__ import annotations

from antiphon import __version__
from local.tools import AGENT as CLOCK


def banner(base_url: str, key: str, agents: list[str], state: str, console: str = "") -> str:
    """Return the banner.

    Args:
        base_url: ends in ``/v1``.
        key: the local key.
        agents: the ids that the key can use as ``model``.
        state: where the database is, and how it is emptied.
        console: the address of the console; empty if there is none.
    """
    root = base_url.removesuffix("/v1")
    line = f"  console    {console}\n" if console else ""
    agent = next(iter(agents), "AGENT")
    acting, asked = (CLOCK, "What time is it in Paris?") if CLOCK in agents else (agent, "Hello!")
    return f"""
Antiphon {__version__} is ready.   Ctrl-C ends it.   State: {state}

  base_url   {base_url}
  key        {key}
  agents     {", ".join(agents) or "none that this key may use"}
  API page   {root}/docs
{line}
Stream an answer:

  curl -N {base_url}/responses -H 'authorization: Bearer {key}' \\
    -H 'content-type: application/json' -d '{{"model":"{acting}","input":"{asked}","stream":true}}'

Ask in one JSON body:

  curl {base_url}/responses -H 'authorization: Bearer {key}' \\
    -H 'content-type: application/json' -d '{{"model":"{agent}","input":"Hello!"}}'

With the OpenAI SDK for Python (pip install openai):

  from openai import OpenAI
  client = OpenAI(base_url="{base_url}", api_key="{key}")
  for event in client.responses.create(model="{agent}", input="Hello!", stream=True):
      if event.type == "response.output_text.delta":
          print(event.delta, end="", flush=True)
"""
