"""The thinking settings of Claude, for its own API and for Bedrock.

Pure. Sources: Anthropic's "Adaptive thinking", "Extended thinking" and
"Preserved thinking".
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from antiphon.errors import ApiError
from antiphon.providers.capabilities import BUDGETS, LEAST_BUDGET, Capabilities

BINDING: Final = "thinking-binding-controls-2026-08-01"
"""The beta that has ``block_binding``."""


class Thinking(NamedTuple):
    """The settings of a request for thinking.

    Attributes:
        config: the value of ``thinking``; None to leave it out.
        effort: the value of ``effort``; None to leave it out.
        replayed: earlier thinking is sent back. Models that check it against everything before it refuse it after a
            change of instructions or tools. They can be asked to drop it instead, but only while they think.
    """

    config: dict[str, Any] | None = None
    effort: str | None = None
    replayed: bool = True

    @property
    def is_manual(self) -> bool:
        """Whether it has a budget of tokens (``enabled``), and so is refused in a turn that began without it."""
        return self.config is not None and self.config["type"] == "enabled"

    @property
    def betas(self) -> list[str]:
        """The betas that the request has to name."""
        return [BINDING] if self.config and "block_binding" in self.config else []


NONE_THIS_TURN: Final = Thinking(replayed=False)
"""No thinking in this turn, and none of earlier turns is sent back."""


def thinking_of(asked: dict[str, Any], can: Capabilities, max_tokens: int) -> Thinking:
    """Return the thinking settings for ``reasoning``.

    Args:
        asked: the settings that were set.
        can: what the model supports.
        max_tokens: the most that it may write, thinking included.

    Raises:
        ApiError: there is no room to think.
    """
    reasoning = asked.get("reasoning") or {}
    effort = reasoning.get("effort")
    if can.thinking is None:
        return Thinking()
    if effort == "none":
        return Thinking({"type": can.unthinking} if can.unthinking else None, replayed=not can.bound_thinking)
    more: dict[str, Any] = {"display": "summarized"} if reasoning.get("summary") is not None else {}
    if can.bound_thinking:
        more["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
    if effort is None:
        return Thinking({"type": "adaptive", **more} if more and can.thinks_unasked else None)
    if can.thinking == "adaptive":
        return Thinking({"type": "adaptive", **more}, effort)
    if max_tokens <= LEAST_BUDGET:
        message = f"While it reasons, this model needs more than {LEAST_BUDGET}."
        raise ApiError("out_of_range", message, param="max_output_tokens")
    return Thinking(
        {"type": "enabled", "budget_tokens": max(LEAST_BUDGET, min(BUDGETS[effort], max_tokens // 2)), **more}
    )
