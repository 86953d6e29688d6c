"""What Claude's models support, wherever they are served, as data.

Sources, read in November 2026: Anthropic's "Models overview", "Adaptive thinking", "Preserved thinking", "Structured
outputs", "Mid-conversation system messages" and the migration guides of Claude 5 and 5.5.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from antiphon.providers.capabilities import EVERYTHING, FEW_EFFORTS, USUAL_EFFORTS, Capabilities
from antiphon.providers.description import Family

_UNFORCED: Final = frozenset({"auto", "none"})

CLAUDE: Final = Capabilities(
    output=EVERYTHING,
    formats=frozenset({"json_schema"}),
    efforts=USUAL_EFFORTS | {"max"},
    temperature=1.0,
    thinking="adaptive",
    forced_while_reasoning=False,
    sampled_while_reasoning=False,
    max_output_tokens=64_000,
)
_CLAUDE_NOW: Final = dataclasses.replace(CLAUDE, temperature=None, top_p=False, max_output_tokens=128_000)
_CLAUDE_ALWAYS: Final = dataclasses.replace(_CLAUDE_NOW, efforts=CLAUDE.efforts - {"none"})
_CLAUDE_5: Final = dataclasses.replace(_CLAUDE_NOW, unthinking="disabled")
_CLAUDE_5_5: Final = dataclasses.replace(_CLAUDE_ALWAYS, tools=_UNFORCED, bound_thinking=True)
_SONNET_5_5: Final = dataclasses.replace(_CLAUDE_5_5, efforts=CLAUDE.efforts, unthinking="between_tools")
_HAIKU_5_5: Final = dataclasses.replace(_CLAUDE_5, bound_thinking=True)
_CLAUDE_4_7: Final = dataclasses.replace(_CLAUDE_NOW, instructed_turns=False)
_CLAUDE_4_6: Final = dataclasses.replace(
    CLAUDE,
    efforts=frozenset({"none", *FEW_EFFORTS, "max"}),
    temperature_with_top_p=False,
    instructed_turns=False,
    max_output_tokens=128_000,
)
_CLAUDE_4_5: Final = dataclasses.replace(
    _CLAUDE_4_6, efforts=frozenset({"none", *FEW_EFFORTS}), thinking="budget", prefill=True, max_output_tokens=64_000
)
_CLAUDE_4: Final = dataclasses.replace(_CLAUDE_4_5, formats=frozenset(), strict_tools=False, max_output_tokens=32_000)
_CLAUDE_3: Final = dataclasses.replace(
    _CLAUDE_4, efforts=frozenset(), thinking=None, temperature_with_top_p=True, max_output_tokens=4096
)

_NO_MINOR: Final = r"(?!-\d{1,2}(\D|$))"
"""A date may follow a version, but no second number."""

CLAUDES: Final = (
    Family("Claude 3", r"claude-(instant|2|3)(?!-7)", _CLAUDE_3),
    Family("Claude 3.7, 4, 4.1", r"claude-(3-7-sonnet|(opus|sonnet)-4-(\d{8}|0\b|1\b)|(opus|sonnet)-4$)", _CLAUDE_4),
    Family("Claude 4.5", r"claude-(opus|sonnet|haiku)-4-5", _CLAUDE_4_5),
    Family("Claude 4.6", r"claude-(opus|sonnet)-4-6", _CLAUDE_4_6),
    Family("Claude Opus 4.7", r"claude-opus-4-7", _CLAUDE_4_7),
    Family("Claude Opus 4.8", r"claude-opus-4-8", _CLAUDE_NOW),
    Family("Claude Sonnet 5", rf"claude-sonnet-5{_NO_MINOR}", dataclasses.replace(_CLAUDE_5, instructed_turns=False)),
    Family("Claude Opus 5", rf"claude-opus-5{_NO_MINOR}", _CLAUDE_5),
    Family("Claude Fable 5, Mythos 5", rf"claude-((fable|mythos)-5{_NO_MINOR}|mythos-preview)", _CLAUDE_ALWAYS),
    Family("Claude Sonnet 5.5", r"claude-sonnet-5-5", _SONNET_5_5),
    Family("Claude Haiku 5.5", r"claude-haiku-5-5", _HAIKU_5_5),
    Family("Claude Opus 5.5, Fable 5.1, Mythos 5.1 and later", r"claude-", _CLAUDE_5_5),
)
"""Newest last: what matches no other is taken for the newest."""
