"""Why a model stopped, in the words that providers have for it. Pure.

Only words that are known to mean success are success: any other is a failure, so a cut answer is never taken for whole.
Sources: the references of OpenAI, Anthropic, Amazon Bedrock, Gemini, Mistral, Cohere, DeepSeek, OpenRouter, Zhipu,
vLLM, SGLang, TGI and Ollama.
"""

from __future__ import annotations

from typing import Final

from antiphon.ports import StopReason

_REASONS: Final[dict[str, StopReason]] = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "stop_token", "stop_str", "eos", "eos_token"), "stop"),
    **dict.fromkeys(("complete", "completed", "done", "end", "finished"), "stop"),
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"), "tool_calls"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_length"), "length"),
    **dict.fromkeys(("model_length", "context_length", "context_length_exceeded", "token_limit"), "length"),
    **dict.fromkeys(("model_context_window_exceeded", "context_window_exceeded"), "length"),
    "pause_turn": "length",  # the turn is not at its end: it goes on when it is sent back
    **dict.fromkeys(("safety", "image_safety", "recitation", "blocklist", "prohibited_content"), "content_filter"),
    **dict.fromkeys(("spii", "sensitive", "refusal", "guardrail_intervened", "moderation"), "content_filter"),
}
_FILTER: Final = "content_filter"
"""Words for a filter go on after it: ``content_filtered``, ``content_filter_input``."""


def stop_of(word: str) -> StopReason | None:
    """Return what a word means, whatever its case; None for a failure or an unknown word."""
    known = word.strip().lower().replace("-", "_").removeprefix("finish_reason_")
    return _FILTER if known.startswith(_FILTER) else _REASONS.get(known)
