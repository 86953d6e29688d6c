"""The limits that options set: `--tokens-per-day N` and the others."""

from __future__ import annotations

from argparse import Namespace

from pydantic import ValidationError

from antiphon.manage.budgets import BudgetDocument
from cli.output import Refused


def read_budget(args: Namespace) -> BudgetDocument:
    """Read limits from the options.

    Raises:
        Refused: one is no number that can be a limit.
    """
    said = {name: getattr(args, name) for name in BudgetDocument.model_fields}
    try:
        return BudgetDocument.model_validate(
            {name: _number(name, text) for name, text in said.items() if text is not None}
        )
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
    except _NoNumber as error:
        name = str(error)
    raise Refused(f"--{name.replace('_', '-')}: {said[name]!r} is no limit: write a number greater than 0")


def is_to_change(args: Namespace, *, is_set: bool) -> bool:
    """Return whether a command sets limits, or removes them with ``--none``; else it shows them.

    Raises:
        Refused: it is to do both.
    """
    if args.none and is_set:
        raise Refused("--none removes all limits: leave it out, or the limits")
    return bool(args.none or is_set)


class _NoNumber(Exception):
    """An option is no number; its message is the option's name."""


def _number(name: str, text: str) -> float:
    try:
        return float(text) if name == "usd_per_month" else int(text)
    except ValueError:
        raise _NoNumber(name) from None
