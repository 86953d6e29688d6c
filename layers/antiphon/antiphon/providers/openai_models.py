"""What OpenAI's models support, as data: at OpenAI, on Azure, and for each of OpenAI's two protocols.

Sources, read in November 2026: OpenAI's API reference, model pages and "Deployment checklist".
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from antiphon.providers.capabilities import FEW_EFFORTS, Capabilities
from antiphon.providers.description import Family

HOSTS: Final = r"(^|\.)openai\.com$|\.(openai|services\.ai|cognitiveservices)\.azure\.com$|^(openai|azure)$"

_NOT_SET: Final[dict[str, Any]] = {"temperature": None, "top_p": False, "penalties": False, "top_logprobs": None}
_REASONING: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("OpenAI's o series", r"(^|\.)o\d", {"efforts": FEW_EFFORTS, "verbosity": False}),
    ("GPT-5 pro", r"gpt-5-pro", {"efforts": frozenset({"high"})}),
    ("GPT-5", r"gpt-5(?!\.\d)(?!.*chat)", {"efforts": FEW_EFFORTS | {"minimal"}}),
    ("GPT-5.1", r"gpt-5\.1(?!\d)(?!-codex-max)(?!.*chat)", {"efforts": FEW_EFFORTS | {"none"}}),
    ("GPT-5.2 to 5.6", r"gpt-5(?!.*chat)", {}),
)
_ASTRA: Final = ("GPT-6 Astra, GPT-6.1 Sol", r"gpt-6(-astra|\.\d+-sol)")
_GPT_6: Final = ("GPT-6 and later", r"gpt-([6-9]|\d\d)(?!.*chat)")


def chat_families(usual: Capabilities) -> tuple[Family, ...]:
    """Return the families for Chat Completions, which differ from the usual capabilities of an endpoint."""
    own = (
        *_REASONING,
        (*_ASTRA, {"tools": frozenset()}),
        (*_GPT_6, {"called_while_reasoning": False}),
    )
    return _families(usual, own)


def responses_families(usual: Capabilities) -> tuple[Family, ...]:
    """Return the families for Responses, which differ from the usual capabilities of an endpoint."""
    return _families(usual, (*_REASONING, (*_GPT_6, {})))


def _families(usual: Capabilities, reasoning: tuple[tuple[str, str, dict[str, Any]], ...]) -> tuple[Family, ...]:
    rows = [(name, pattern, {**_NOT_SET, **more}) for name, pattern, more in reasoning]
    rows.append(("OpenAI's other models", "", {"efforts": frozenset(), "verbosity": False}))
    return tuple(Family(name, pattern, dataclasses.replace(usual, **more), HOSTS) for name, pattern, more in rows)
