"""Writes what the documentation takes from the code: the pages of errors and of conformance, the OpenAPI document."""  # noqa: INP001

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from antiphon.errors import CODES, ErrorCode
from antiphon.web import openapi
from tests.support.requirements import Requirement, requirements

ERRORS: Final = Path(__file__).with_name("errors.md")
CONFORMANCE: Final = Path(__file__).with_name("conformance.md")

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


def main() -> None:
    """Write all files."""
    ERRORS.write_text(errors_page(), encoding="utf-8")
    CONFORMANCE.write_text(conformance_page(), encoding="utf-8")
    openapi.PATH.write_text(openapi.render(), encoding="utf-8")


if __name__ == "__main__":
    main()
