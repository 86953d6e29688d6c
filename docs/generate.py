"""Writes what comes from the code: the pages of errors, conformance and providers, the OpenAPI document."""  # noqa: INP001

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from antiphon.errors import CODES, ErrorCode
from antiphon.providers.families import FAMILIES, Family
from antiphon.providers.openai_chat.dialects import DIALECTS
from docs.openapi import document as openapi
from tests.support.requirements import Requirement, requirements

ERRORS: Final = Path(__file__).with_name("errors.md")
CONFORMANCE: Final = Path(__file__).with_name("conformance.md")
PROVIDERS: Final = Path(__file__).with_name("providers.md")

_HEAD: Final = """\
# Errors

`make docs` writes this page from `antiphon/errors.py`.

Every error has the one body

    {"error": {"message": "...", "type": "...", "code": "...", "param": "..."}}

`code` is for programs and stable. `type` is the specification's. `message` is for people: it names the field and the
limit, never what a field holds. `param` is the exact path of the field, such as `input[3].type`, or null.

- Quote the header `x-request-id` when you ask for help.
- `x-should-retry` says whether the very same request may succeed later, and `retry-after` in how many seconds; the
  OpenAI SDKs obey both. The column "retry" has the seconds where nothing more is known, such as what a provider said.
- A 401 bears `www-authenticate: Bearer`, a 405 `allow`.
- Once a stream has begun, its status can no longer change. Then the error is an event: one `error` with the same
  fields, then `response.failed` with `response.error`, then `[DONE]`. The status of the table is what a request
  without `stream` gets.
- What you may not see answers exactly as what does not exist.

| code | status | type | retry | meaning | what to do |
|---|---|---|---|---|---|
"""

_CONFORMANCE_HEAD: Final = """\
# Conformance

`make docs` writes this page from `tests/spec/requirements/`; a test fails when a requirement has no test, or names one
that does not exist.

`OR-` are the requirements of [Open Responses 2026-04-24](https://www.openresponses.org/specification) that bind a
server, `W-` what Antiphon promises beyond them; `OR-CHAT`, `-FILE`, `-STATE`, `-SEARCH` and `-WEB` stand in the draft
that follows. "Not served" is an optional feature; its tests show that it is refused
and never ignored. "Open" is promised and not there yet. Tests are `room/module::name` below `tests/`, or whole modules.

`antiphon check URL` asks any server for most of this: see [the command line](cli.md). Which clients were run is in
[clients](clients.md).

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

`make docs` writes this page from `antiphon/providers/families.py` and `antiphon/providers/openai_chat/dialects.py`.

An agent names a provider, a model there and parameters. [connect.md](connect.md) says how each provider is set up; this
page, what its models can be asked. The first column of the table is the `kind`, the protocol that a provider speaks.

What a request asks and a model cannot do is refused with 400 and the path of the field, before anything is stored or
sent. A value that is the API's default asks for nothing, so it is never refused. `GET /v1/models/{id}` has the row of
an agent's model under `antiphon.capabilities`.

- Reasoning that a provider signs or encrypts (`anthropic`, `bedrock`, `openai_responses`) is kept with its item, sealed
  in `encrypted_content`, and goes back to it in the next turn: by `previous_response_id` or in the input alike. It goes
  to the model and endpoint that made it alone: no other can read it, and most refuse the whole request. Claude 5.5 and
  Fable 5.1 also hold it against all that stood before it; where instructions or tools changed since, they are told to
  drop it.
- The effort `none` is said to models that reason unasked: as `disabled`, and to Claude Sonnet 5.5 as `between_tools`.
- Citations become `url_citation` annotations. A place in a document that the caller sent has the document's name as its
  URL, with a fragment for the page (RFC 8118) or the characters (RFC 5147). `citations` asks for them.
- `prompt_cache_key` asks `anthropic` and `bedrock` to keep the prompt: cache marks stand after the instructions and the
  conversation so far.
- A stop by a provider's safety system is `incomplete` with `content_filter`, also where it refuses the prompt: Azure's
  filter, OpenRouter's moderation, OpenAI's and Anthropic's policies, Bedrock's guardrails.
- An application inference profile of Bedrock does not say which model it leads to, so the row "any other model" counts.
- What a model reads in messages but not in the output of a function (an image in Chat Completions) follows in a message
  of the user, after the outputs of all calls that were made together.
- Instructions in the midst of a conversation are marked as such in the user's turn where a model has no role for them.
- `anthropic` and `bedrock` have no way to forbid or serialise calls everywhere; a call that `tool_choice` forbids,
  or one too many, is suppressed by the run. A name that nobody offered reaches the client, who can mend it.

## Models

The first row that fits a model's name, and its endpoint's host, counts. "all" is `none`, `low`, `medium`, `high`,
`xhigh`.

"""

_PROVIDERS_TAIL: Final = """
## Chat Completions: who deviates how

Hosts are recognised; for a server of your own set `dialect` (of Responses servers, only `llama.cpp` and `azure`
differ). A hint that an endpoint does not know is not sent to it: it would be refused, and changes nothing.

| `dialect` | endpoint | key | `max_output_tokens` | `safety_identifier` | `reasoning.effort` | `developer` | hints |
|---|---|---|---|---|---|---|---|
"""


def providers_page() -> str:
    """Write the page of the providers: what the models of each family can be asked."""
    columns = ("provider", "models", "input", "function output", "`tool_choice`", "strict", "formats", "efforts")
    columns += ("`temperature`", "`top_p`", "penalties", "logprobs", "verbosity", "tiers")
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    dialects = [
        f"| `{name}` | {it.title} | `{it.key}` | `{it.limit}` | `{it.user}` | `{it.effort}` | {_yes(it.developer)} | "
        f"{_listed(it.hints)} |\n"
        for name, it in DIALECTS.items()
    ]
    return _PROVIDERS_HEAD + head + "".join(map(_family_row, FAMILIES)) + _PROVIDERS_TAIL + "".join(dialects)


def _family_row(family: Family) -> str:
    can = family.capabilities
    efforts = "all" if len(can.efforts) == len(_EFFORTS) else _listed(can.efforts, _EFFORTS)
    cells = (
        f"`{family.kind}`",
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


_EFFORTS: Final = ("none", "low", "medium", "high", "xhigh")


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
