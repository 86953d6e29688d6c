"""Writes what the documentation takes from the code: docs/errors.md and the OpenAPI document (`make docs`)."""  # noqa: INP001

from __future__ import annotations

from pathlib import Path
from typing import Final

from antiphon.errors import CODES, ErrorCode
from antiphon.web import openapi

ERRORS: Final = Path(__file__).with_name("errors.md")

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


def main() -> None:
    """Write both files."""
    ERRORS.write_text(errors_page(), encoding="utf-8")
    openapi.PATH.write_text(openapi.render(), encoding="utf-8")


if __name__ == "__main__":
    main()
