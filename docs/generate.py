"""Writes what comes from the code: the pages of errors, conformance and providers, the OpenAPI document."""  # noqa: INP001

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from antiphon.errors import CODES, ErrorCode
from antiphon.providers.description import Family, every_family
from antiphon.providers.openai_chat.dialects import DIALECTS, Dialect
from docs.openapi import document as openapi
from tests.support.requirements import Requirement, requirements

ERRORS: Final = Path(__file__).with_name("errors.md")
CONFORMANCE: Final = Path(__file__).with_name("conformance.md")
PROVIDERS: Final = Path(__file__).with_name("providers.md")

_HEAD: Final = """\
# Errors

`make docs` writes this page from `antiphon/errors.py`.

Every error has the same body:

    {"error": {"message": "...", "type": "...", "code": "...", "param": "..."}}

- `code` is for programs. It never changes.
- `type` is the error type of the Open Responses specification.
- `message` is for people. It names the field and the limit, never the content of a field, and ends with what to do.
- `param` is the exact path of the field, such as `input[3].type`, or null.

Some errors have headers:

- `x-request-id`: quote it when you ask for help. Every answer has it.
- `x-should-retry`: whether the same request may succeed later. If it is `true`, `retry-after` has the seconds to wait.
  The OpenAI SDKs follow both. The column "retry" has the default of `retry-after`; if the provider named a time, that
  is used.
- A 401 has `www-authenticate: Bearer`, a 405 has `allow`.

Once a stream has begun, its HTTP status cannot change. An error is then sent as events: `error` with the same four
fields, then `response.failed` with `response.error`, then `[DONE]`. The status in the table is that of a request
without `stream`. On a [WebSocket](websocket.md), an error is one message with its status.

A resource that you may not see gets the same answer as one that does not exist.

| code | status | type | retry | meaning | what to do |
|---|---|---|---|---|---|
"""

_CONFORMANCE_HEAD: Final = """\
# Conformance

`make docs` writes this page from `tests/spec/requirements/`. A test fails if a requirement has no test, or names a
test that does not exist.

- `OR-` requirements are those of [Open Responses 2026-04-24](https://www.openresponses.org/specification) for a
  server. `OR-CHAT`, `-FILE`, `-STATE`, `-SEARCH` and `-WEB` are from the draft that follows it.
- `W-` requirements are what Antiphon promises beyond the specification.
- "Not served" is an optional feature that Antiphon does not have. Its tests show that it is refused and never ignored.
- "Open" is promised, but not there yet.
- Tests are written as `folder/module::name` below `tests/`, or as whole modules.

`antiphon check URL` tests most of this on any server: see [the command line](cli.md). [clients.md](clients.md) lists
the clients that are tested.

{count} requirements: {told}.

| id | level | requirement | section | status | tests |
|---|---|---|---|---|---|
"""


def errors_page() -> str:
    """Write the page of the error codes, by status and then as they stand in the code."""
    rows = sorted(CODES.items(), key=lambda row: row[1].status)
    lines = [
        f"| `{code}` | {info.status} | `{info.type}` | {_seconds(info)} | {info.meaning} | {info.remedy} |\n"
        for code, info in rows
    ]
    return _HEAD + "".join(lines)


def _seconds(info: ErrorCode) -> str:
    return "no" if info.retry_after is None else f"{info.retry_after} s"


def conformance_page() -> str:
    """Write the page of the requirements, as they stand in the manifest."""
    counts = Counter(requirement.status for requirement in requirements())
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    rows = "".join(map(_requirement, requirements()))
    return _CONFORMANCE_HEAD.format(count=len(requirements()), told=told) + rows


def _requirement(requirement: Requirement) -> str:
    tests = "<br>".join(f"`{test}`" for test in requirement.tests)
    cells = (requirement.id, requirement.level, requirement.says, requirement.link, requirement.status, tests)
    return f"| {' | '.join(cells)} |\n"


_PROVIDERS_HEAD: Final = """\
# Providers

`make docs` writes this page from the `description.py` of each folder in `antiphon/providers`, and from
`openai_chat/dialects.py`.

An agent names a provider, a model and parameters. [connect.md](connect.md) shows how to set up each provider. This
page lists what their models support. The first column of the table is the `kind`, the protocol of the provider.

If a request asks for something that the model does not support, it is refused with 400 and the path of the field,
before anything is stored or sent. A value that equals the API's default is never refused. `GET /v1/models/{id}`
returns the row for an agent's model under `antiphon.capabilities`.

- **Reasoning.** Reasoning that a provider signs or encrypts (`anthropic`, `bedrock`, `openai_responses`) is stored
  with its item, sealed in `encrypted_content`. The next turn sends it back, with `previous_response_id` and with items
  in the input alike. It is sent only to the model and endpoint that made it, because no other can read it, and most
  refuse the whole request. Claude 5.5 and Fable 5.1 also check it against everything that came before it. If
  instructions or tools have changed since, Antiphon asks them to drop it.
- **Efforts.** Few models have `minimal`, `xhigh` and `max`, so Antiphon asks for the nearest effort that the model has:
  of two that are equally near the lower one, and never `none`. Any other effort that the model does not have is
  refused.
- **Histories.** Every provider gets a history that it accepts. Outputs follow directly after their calls. Messages
  without text are left out, and so is reasoning that nothing of the same turn follows. If a history does not begin with
  the user, `anthropic` and `bedrock` get a user message `Begin.` first. If it ends with the model and the model refuses
  to continue its own text (Claude 4.6 and later, or any that reasons), a user message `Continue.` comes last. Some Chat
  Completions endpoints need this too: see "bounds" below.
- **Reasoning within a loop of calls.** Claude before 4.6 refuses to reason if the loop began without its own reasoning,
  because reasoning was switched on meanwhile or another model began the loop. It then answers without reasoning.
- **Ids of calls.** A call's id that is longer than 64 characters, empty or repeated is replaced by one of ours. The
  provider gets a longer one back as it was. Gemini's `thought_signature` goes back with its call.
- **Schemas.** A function's schema without `type` is sent as the schema of an object.
- **Effort `none`.** Models that reason by default are asked not to: `disabled`, or `between_tools` for Claude Sonnet
  5.5.
- **Citations** become `url_citation` annotations. For a document that the caller sent, the URL is the document's name
  with a fragment for the page (RFC 8118) or the characters (RFC 5147). The setting `citations` asks for them.
- **`prompt_cache_key`** makes `anthropic` and `bedrock` cache the prompt: cache marks follow the instructions and the
  conversation so far.
- **Safety.** If a provider's safety system stops an answer or refuses a prompt, the response is `incomplete` with
  `content_filter`. This covers Azure's filter, OpenRouter's moderation, OpenAI's and Anthropic's policies, and
  Bedrock's guardrails.
- **Inference profiles.** The ARN of an application inference profile of Bedrock does not show its model, so the row
  "any other model" applies.
- **Images in function outputs.** If a model reads images only in messages (as in Chat Completions), an image in a
  function's output is sent in a user message, after the outputs of all parallel calls.
- **Instructions within a conversation** are sent in a user message and marked as instructions, if the model has no
  role for them.
- **Function calls.** `anthropic` and `bedrock` cannot forbid or serialise calls in every case. Antiphon suppresses a
  call that `tool_choice` forbids, or one too many. A call of a function that was not offered reaches the client, which
  can correct it.

## Models

The first row that matches the model's name and the endpoint's host applies. "all" means `none`, `low`, `medium`,
`high` and `xhigh`; `minimal` and `max` are listed if a model has them.

"""

_PROVIDERS_TAIL: Final = """
## Chat Completions: who deviates how

Antiphon recognises these hosts. For a server of your own, set `dialect`. (Of the Responses servers, only `llama.cpp`
and `azure` differ.) A hint is a field that does not change the answer; it is not sent to an endpoint that would refuse
it.

If there is no role `developer`, instructions at the front are one system message. "Later" is about instructions
after the first other message: some chat templates (Qwen's) refuse them, so they are marked in a user's message.
"Bounds" is whose message has to begin and end a history: `Begin.` or `Continue.` is added as the user's. If "roles
alternate", neighbours of one role are merged. DeepSeek gets `reasoning_content` with every answer, empty if there is
none, if the setting `reasoning_content` is on.

"""
_DIALECT_COLUMNS: Final = (
    "`dialect`",
    "endpoint",
    "key",
    "`max_output_tokens`",
    "`safety_identifier`",
    "`reasoning.effort`",
    "`developer`",
    "hints",
    "later",
    "bounds",
)


def providers_page() -> str:
    """Write the page of the providers: what the models of each family can be asked."""
    columns = ("provider", "models", "input", "function output", "`tool_choice`", "strict", "formats", "efforts")
    columns += ("`temperature`", "`top_p`", "penalties", "logprobs", "verbosity", "tiers")
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    dialect_head = f"| {' | '.join(_DIALECT_COLUMNS)} |\n|{'---|' * len(_DIALECT_COLUMNS)}\n"
    dialects = [
        f"| `{name}` | {it.title} | `{it.key}` | `{it.limit}` | `{it.user}` | `{it.effort}` | {_yes(it.developer)} | "
        f"{_listed(it.hints)} | {'marked' if it.leading_system else 'as they are'} | {_bounds(it)} |\n"
        for name, it in DIALECTS.items()
    ]
    return (
        _PROVIDERS_HEAD
        + head
        + "".join(_family_row(kind, family) for kind, family in every_family())
        + _PROVIDERS_TAIL
        + dialect_head
        + "".join(dialects)
    )


def _bounds(dialect: Dialect) -> str:
    bounds = [name for name, holds in (("begins", dialect.user_first), ("ends", dialect.user_last)) if holds]
    who = f"the user {' and '.join(bounds)}" if bounds else "any"
    return f"{who}; roles alternate" if dialect.alternating else who


def _family_row(kind: str, family: Family) -> str:
    can = family.capabilities
    more = can.efforts - _ALL
    efforts = ", ".join(("all", *sorted(more))) if can.efforts >= _ALL else _listed(can.efforts, _EFFORTS)
    cells = (
        f"`{kind}`",
        family.name,
        _listed(can.message),
        _listed(can.output),
        _listed(can.tools),
        _yes(can.strict_tools),
        _listed(can.formats),
        efforts,
        "no" if can.temperature is None else f"to {can.temperature:g}",
        _yes(can.top_p),
        _yes(can.penalties),
        "no" if can.top_logprobs is None else f"to {can.top_logprobs}",
        _yes(can.verbosity),
        _listed(can.service_tiers),
    )
    return f"| {' | '.join(cells)} |\n"


_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


_ALL: Final = frozenset({"none", "low", "medium", "high", "xhigh"})


def _listed(values: Iterable[str], order: Sequence[str] = ()) -> str:
    ordered = sorted(values, key=lambda value: (order.index(value) if value in order else 0, value))
    return ", ".join(ordered) or "none"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def main() -> None:
    """Write all files."""
    PROVIDERS.write_text(providers_page(), encoding="utf-8")
    ERRORS.write_text(errors_page(), encoding="utf-8")
    CONFORMANCE.write_text(conformance_page(), encoding="utf-8")
    openapi.DOCUMENT.write_text(openapi.render(), encoding="utf-8")


if __name__ == "__main__":
    main()
