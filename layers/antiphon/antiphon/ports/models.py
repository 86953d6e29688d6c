"""The interface of model providers: what a model is asked, and the neutral deltas that it answers with.

Only the stream machine makes events of deltas.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol

from antiphon.records import Item

Phase = Literal["commentary", "final_answer"]
"""What a message is for, in the specification's words."""


class MessageDelta(NamedTuple):
    """The next delta begins a new message. Without it, text up to a call or reasoning is one message."""

    phase: Phase | None = None


class TextDelta(NamedTuple):
    """A piece of the answer. ``logprobs`` in the specification's ``LogProb`` form, if asked for."""

    text: str
    logprobs: list[dict[str, Any]] | None = None


class RefusalDelta(NamedTuple):
    """A piece of a refusal."""

    text: str


class ReasoningDelta(NamedTuple):
    """A piece of readable reasoning (a summary)."""

    text: str


class ReasoningStateDelta(NamedTuple):
    """What the provider must be given back unchanged with the reasoning before it, which ends here.

    Only the model that made it is given it: ``kind`` names its protocol, the rest is a signature or encrypted content.
    It comes back as ``state`` of the reasoning item in ``ModelCall.items``.
    """

    state: dict[str, str]


class CitationDelta(NamedTuple):
    """Where a stretch of the answer comes from. ``start`` and ``end`` are characters of the open part's text."""

    url: str
    title: str
    start: int
    end: int


CALL_STATE: Final = "call"
"""The ``kind`` of a state that belongs to the next function call: its ``call_id`` and what else came with it."""


class ToolCallDelta(NamedTuple):
    """A piece of a function call; ``slot`` identifies the call among parallel ones.

    The first piece has ``call_id`` and ``name``. It may also have a ``state``, which the provider must get
    back unchanged with this call.
    """

    slot: int
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""
    state: dict[str, str] | None = None


class UsageDelta(NamedTuple):
    """Tokens used by this model turn so far; a later one replaces an earlier one."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class KeptDelta(NamedTuple):
    """The provider keeps the response under this id; see ``ModelCall.kept``. It comes first."""

    id: str


StopReason = Literal["stop", "tool_calls", "length", "content_filter"]


class StopDelta(NamedTuple):
    """Why the model stopped: the last delta of a turn."""

    reason: StopReason


Delta = (
    MessageDelta
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ReasoningStateDelta
    | CitationDelta
    | ToolCallDelta
    | UsageDelta
    | KeptDelta
    | StopDelta
)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What is asked of a model: the exact context and the settings in force.

    Attributes:
        model: the provider's own name of the model.
        instructions: the system text; empty for none.
        items: the whole context, oldest first: items in the specification's form. What was sealed is open: reasoning
            and compaction items have a ``summary``, and no ``encrypted_content``; reasoning may have a ``state``.
        tools: the function tools that may be offered, in the specification's form (``allowed_tools`` already applied).
        settings: the request fields in force by wire name, as the response echoes them: ``temperature``, ``top_p``,
            ``presence_penalty``, ``frequency_penalty``, ``max_output_tokens``, ``tool_choice``,
            ``parallel_tool_calls``, ``text``, ``reasoning``, ``top_logprobs``, ``service_tier``,
            ``safety_identifier``, ``prompt_cache_key``.
        explicit: the names among them that the request, the agent or the configuration set; a provider sends no other,
            so the model's own defaults hold.
        include_logprobs: the caller asked for ``message.output_text.logprobs``.
        deadline: by when the call must have ended, in the event loop's time (seconds).
        asked: how many of the last items came with this request, in its order; so an error can name their place.
        stop: texts at which the answer ends. Antiphon cuts it there in any case; a provider that is sent them saves the
            tokens after it.
        kept: the provider may run it in the background and keep it, so that another call can go on with it.
        resumed: the id of a kept response, whose stream is read again from its beginning; empty for a new one.
    """

    model: str
    instructions: str
    items: Sequence[Item]
    tools: Sequence[dict[str, Any]]
    settings: dict[str, Any]
    explicit: frozenset[str]
    include_logprobs: bool
    deadline: float
    asked: int = 0
    stop: tuple[str, ...] = ()
    kept: bool = False
    resumed: str = ""


Medium = Literal["image", "pdf", "text"]
"""What an image or a file turns out to be; ``text`` is a text file."""


class Reads(NamedTuple):
    """What a provider's models read besides plain text.

    Attributes:
        message: in a user's message.
        output: in the output of a function call.
    """

    message: frozenset[Medium] = frozenset()
    output: frozenset[Medium] = frozenset()


class ApiKey(Protocol):
    """The key of an endpoint, wherever it is kept. Nothing formats it."""

    async def get(self) -> str:
        """Return the key.

        Raises:
            ProviderError: ``provider_auth``: it cannot be read.
        """

    async def renewed(self, refused: str) -> str | None:
        """Return another key than the one that the endpoint refused, or None if there is none for now."""


class ModelProvider(Protocol):
    """A provider of models. It gets images and files whole, as base64 data URLs, and fetches nothing."""

    def reads(self, model: str) -> Reads:
        """Return what one of its models reads besides text. Anything else is refused before it is stored or sent."""

    def check(self, call: ModelCall) -> None:
        """Refuse a call that this provider cannot carry, before anything is stored or sent.

        Raises:
            ApiError: 400, with the message and parameter for the caller.
        """

    def count_tokens(self, call: ModelCall) -> int:
        """Count the tokens that the model reads in a call, without calling it; exactly, if possible.

        The counts add up, but for rounding: a part of ``call.items``, counted in a call without instructions, tools
        and format, has the tokens that it adds to the whole.
        """

    def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn. Closing the generator stops the provider's stream and closes its connection.

        The last delta is a ``StopDelta``; a stream that ends without one was cut.

        Raises:
            ProviderError: the model's side failed.
        """

    async def discard(self, kept_id: str, deadline: float) -> None:
        """Stop and forget a response that was kept. It never raises.

        Args:
            kept_id: as a ``KeptDelta`` has it.
            deadline: by when it must have ended, in the event loop's time (seconds).
        """

    async def aclose(self) -> None:
        """Close connections that are kept open."""
