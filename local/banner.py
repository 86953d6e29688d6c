"""What the terminal shows once the server is ready: everything to copy for a first call."""

from __future__ import annotations

from antiphon import __version__


def banner(base_url: str, key: str, agents: list[str], state: str) -> str:
    """Write the banner.

    Args:
        base_url: up to and with ``/v1``.
        key: the local key.
        agents: the ids that can be used as ``model``.
        state: where everything is kept.
    """
    root = base_url.removesuffix("/v1")
    return f"""
Antiphon {__version__} is ready.   Ctrl-C ends it.   State: {state} (`make reset` forgets it)

  base_url   {base_url}
  key        {key}
  agents     {", ".join(agents)}
  API page   {root}/docs

Stream an answer:

  curl -N {base_url}/responses -H 'authorization: Bearer {key}' \\
    -H 'content-type: application/json' -d '{{"model":"assistant","input":"Hello!","stream":true}}'

The same in one JSON body:

  curl {base_url}/responses -H 'authorization: Bearer {key}' \\
    -H 'content-type: application/json' -d '{{"model":"assistant","input":"Hello!"}}'

With the OpenAI SDK for Python (pip install openai):

  from openai import OpenAI
  client = OpenAI(base_url="{base_url}", api_key="{key}")
  for event in client.responses.create(model="assistant", input="Hello!", stream=True):
      if event.type == "response.output_text.delta":
          print(event.delta, end="", flush=True)
"""
