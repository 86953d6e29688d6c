"""Refuses what a model does not support, with the path of the field: nothing is dropped silently.

Pure. A value that equals the API's default is never refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.media import medium_of, require_readable
from antiphon.ports import ModelCall
from antiphon.providers.capabilities import Capabilities

_NEUTRAL: Final[dict[str, Any]] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "service_tier": "default",
}
_EARLIER: Final = "previous_response_id"


def asked_of(call: ModelCall, can: Capabilities) -> dict[str, Any]:
    """Return the settings that somebody set, with the effort that the model has."""
    asked = {name: call.settings[name] for name in call.explicit if call.settings.get(name) is not None}
    effort = (asked.get("reasoning") or {}).get("effort")
    if effort is not None:
        asked["reasoning"] = {**asked["reasoning"], "effort": can.effort(effort)}
    return asked


def require(can: Capabilities, call: ModelCall) -> None:
    """Check that a model supports everything that a call asks for.

    Raises:
        ApiError: 400 ``unsupported_parameter`` or ``unsupported_value`` or ``out_of_range``, with the path.
    """
    asked = asked_of(call, can)
    _require_sampling(can, asked)
    _require_text(can, asked.get("text") or {})
    _require_reasoning(can, asked.get("reasoning") or {})
    _require_tools(can, call, asked)
    if call.include_logprobs and can.top_logprobs is None:
        raise _unsupported("top_logprobs" if asked.get("top_logprobs") else "include", "no log probabilities")
    if (asked.get("top_logprobs") or 0) > (can.top_logprobs or 0):
        raise ApiError("out_of_range", f"This model returns at most {can.top_logprobs}.", param="top_logprobs")
    tier = asked.get("service_tier")
    if tier not in {None, *can.service_tiers, "default", "auto"}:
        raise _value("service_tier")
    _require_parts(can, call)


def _require_sampling(can: Capabilities, asked: dict[str, Any]) -> None:
    set_here = {name: asked[name] for name, neutral in _NEUTRAL.items() if asked.get(name, neutral) != neutral}
    temperature = set_here.get("temperature")
    if temperature is not None and can.temperature is None:
        raise _unsupported("temperature", "no setting of it")
    if temperature is not None and can.temperature is not None and temperature > can.temperature:
        raise ApiError("out_of_range", f"For this model it is at most {can.temperature:g}.", param="temperature")
    if "top_p" in set_here and not can.top_p:
        raise _unsupported("top_p", "no setting of it")
    for name in ("presence_penalty", "frequency_penalty"):
        if name in set_here and not can.penalties:
            raise _unsupported(name, "no setting of it")
    if not can.temperature_with_top_p and {"temperature", "top_p"} <= set(set_here):
        raise _unsupported("top_p", "no setting of it beside `temperature`")
    if not can.sampled_while_reasoning and _reasons(asked):
        for name in ("temperature", "top_p"):
            if name in set_here:
                raise _unsupported(name, "no setting of it while it reasons")


def _require_text(can: Capabilities, text: dict[str, Any]) -> None:
    kind = (text.get("format") or {}).get("type") or "text"
    if kind != "text" and kind not in can.formats:
        raise _value("text.format.type")
    if text.get("verbosity") not in {None, "medium"} and not can.verbosity:
        raise _unsupported("text.verbosity", "no setting of it")


def _require_reasoning(can: Capabilities, reasoning: dict[str, Any]) -> None:
    effort, summary = reasoning.get("effort"), reasoning.get("summary")
    known = can.efforts or {"none"}
    if effort is not None and effort not in known:
        raise _value("reasoning.effort")
    if summary is not None and summary not in can.summaries:
        raise _value("reasoning.summary")


def _require_tools(can: Capabilities, call: ModelCall, asked: dict[str, Any]) -> None:
    if call.tools and not can.tools:
        raise _unsupported("tools", "no functions")
    if call.tools and not can.called_while_reasoning and (asked.get("reasoning") or {}).get("effort") != "none":
        raise _unsupported("tools", "no functions but with `reasoning.effort` none")
    choice = asked.get("tool_choice", "auto")
    mode = choice if isinstance(choice, str) else "function" if choice["type"] == "function" else choice.get("mode")
    if call.tools and (mode or "auto") not in can.tools:
        raise _value("tool_choice")
    if mode in {"required", "function"} and _reasons(asked) and not can.forced_while_reasoning:
        raise _unsupported("tool_choice", "no required call while it reasons")
    if not can.strict_tools and any(tool.get("strict") for tool in call.tools):
        raise _unsupported("tools", "no strict functions")


def _require_parts(can: Capabilities, call: ModelCall) -> None:
    for where, field, part in _parts(call):
        medium = medium_of(part)
        if medium is not None:
            try:
                require_readable(frozenset({medium}), can.message if field == "content" else can.output, field)
            except ApiError as error:
                param = f"{where}.type" if where else _EARLIER
                raise ApiError(error.code, error.message, param=param) from None
        if medium == "image" and not can.image_detail and part.get("detail") not in {None, "auto"}:
            param = f"{where}.detail" if where else _EARLIER
            raise ApiError("unsupported_value", "This model chooses the detail itself.", param=param)


def _parts(call: ModelCall) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each content part with its path, which is empty for earlier turns, and the field that holds it."""
    first = len(call.items) - call.asked
    for index, item in enumerate(call.items):
        for field in ("content", "output"):
            parts = item.get(field)
            for number, part in enumerate(parts if isinstance(parts, list) else ()):
                where = f"input[{index - first}].{field}[{number}]" if index >= first else ""
                yield where, field, part


def _reasons(asked: dict[str, Any]) -> bool:
    return (asked.get("reasoning") or {}).get("effort") not in {None, "none"}


def _unsupported(param: str, what: str) -> ApiError:
    return ApiError("unsupported_parameter", f"This model has {what}.", param=param)


def _value(param: str) -> ApiError:
    return ApiError("unsupported_value", "This model does not take this value.", param=param)
