"""What a model supports, as a value. Each provider's ``description`` lists its models; ``require`` checks requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from antiphon.ports import Medium, Reads

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Thinking = Literal["adaptive", "budget"]

LEAST_BUDGET: Final = 1024
BUDGETS: Final = {"low": 2048, "medium": 8192, "high": 24_576, "xhigh": 49_152}
"""Tokens for thinking, for models that take a budget instead of an effort. The numbers are our choice."""

_ORDER: Final[tuple[Effort, ...]] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_AT_THE_ENDS: Final = frozenset({"minimal", "xhigh", "max"})
"""Efforts that few models have, and that clients set for all."""

EVERYTHING: Final = frozenset[Medium]({"image", "pdf", "text"})
IMAGES: Final = frozenset[Medium]({"image", "text"})
TEXT: Final = frozenset[Medium]({"text"})
FEW_EFFORTS: Final = frozenset[Effort]({"low", "medium", "high"})
USUAL_EFFORTS: Final = frozenset[Effort]({"none", "low", "medium", "high", "xhigh"})
_CHOICES: Final = frozenset({"auto", "none", "required", "function"})
_AUTO: Final = frozenset({"auto"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model supports. Every model supports what is not listed here.

    Attributes:
        message, output: what it reads besides text, in a user's message and in the output of a function call.
        image_detail: an image's ``detail``.
        tools: the forms of ``tool_choice``; empty if it takes no functions.
        strict_tools: a function's ``strict``.
        serial_tools: it is sent ``parallel_tool_calls: false``. Antiphon enforces it in any case.
        formats: values of ``text.format.type`` besides ``text``.
        verbosity: ``text.verbosity``.
        efforts: values of ``reasoning.effort``; empty if it does not reason on request.
        summaries: values of ``reasoning.summary``.
        temperature: the greatest value; None if it cannot be set.
        top_p: ``top_p``.
        penalties: ``presence_penalty`` and ``frequency_penalty``.
        top_logprobs: the most; None if there are no log probabilities.
        service_tiers: values of ``service_tier``.
        thinking: how reasoning is switched on: by effort alone, or by a budget of tokens.
        temperature_with_top_p: both can be set at once.
        forced_while_reasoning: a call can be required while it reasons.
        sampled_while_reasoning: ``temperature`` and ``top_p`` can be set while it reasons.
        called_while_reasoning: functions can be offered while it reasons; otherwise only with the effort ``none``.
        unthinking: how reasoning is switched off, if it reasons by default; None if it does not.
        bound_thinking: it checks that nothing before a thinking block has changed since.
        instructed_turns: it has a role for instructions within a conversation.
        prefill: a history may end with the model's own text, which it then continues.
        cache_points: the places up to which a prompt is cached can be marked (Bedrock).
        max_output_tokens: the default for protocols that require a value.
    """

    message: frozenset[Medium] = EVERYTHING
    output: frozenset[Medium] = TEXT
    image_detail: bool = False
    tools: frozenset[str] = _CHOICES
    strict_tools: bool = True
    serial_tools: bool = True
    formats: frozenset[str] = frozenset({"json_object", "json_schema"})
    verbosity: bool = False
    efforts: frozenset[Effort] = frozenset()
    summaries: frozenset[str] = _AUTO
    temperature: float | None = 2.0
    top_p: bool = True
    penalties: bool = False
    top_logprobs: int | None = None
    service_tiers: frozenset[str] = frozenset({"auto", "default"})
    thinking: Thinking | None = None
    temperature_with_top_p: bool = True
    forced_while_reasoning: bool = True
    sampled_while_reasoning: bool = True
    called_while_reasoning: bool = True
    unthinking: Literal["disabled", "between_tools"] | None = None
    bound_thinking: bool = False
    instructed_turns: bool = True
    prefill: bool = False
    cache_points: bool = False
    max_output_tokens: int = 8192

    @property
    def thinks_unasked(self) -> bool:
        """Whether it reasons by default."""
        return self.thinking == "adaptive" and (self.unthinking is not None or "none" not in self.efforts)

    def takes(self, name: str) -> bool:
        """Return whether a sampling setting can be sent."""
        known = {"temperature": self.temperature is not None, "top_p": self.top_p}
        return known.get(name, self.penalties)

    def effort(self, asked: Effort) -> Effort:
        """Return the effort to ask for: for one that few models have, the nearest that this one has.

        Of two that are equally near it is the lower, but never ``none`` if there is another.
        """
        has = sorted(map(_ORDER.index, self.efforts - {"none"}))
        if asked in self.efforts or asked not in _AT_THE_ENDS or not has:
            return asked
        return _ORDER[min(has, key=lambda place: abs(place - _ORDER.index(asked)))]

    @property
    def reads(self) -> Reads:
        """Return what it reads besides text."""
        return Reads(self.message, self.output)

    def reading(self, media: Iterable[Medium]) -> Capabilities:
        """Return these capabilities for an endpoint whose models read only these media, and text."""
        return replace(self, message=self.message & {*media, "text"})

    def document(self) -> dict[str, Any]:
        """Return this as JSON for ``GET /v1/models/{id}``, by the names of the request's fields."""
        return {
            "input": sorted(self.message),
            "function_output": sorted(self.output),
            "tool_choice": sorted(self.tools),
            "strict_tools": self.strict_tools,
            "text_formats": ["text", *sorted(self.formats)],
            "verbosity": self.verbosity,
            "reasoning_efforts": [effort for effort in _ORDER if effort in self.efforts],
            "temperature": self.temperature,
            "top_p": self.top_p,
            "penalties": self.penalties,
            "top_logprobs": self.top_logprobs,
            "service_tiers": sorted(self.service_tiers),
        }
