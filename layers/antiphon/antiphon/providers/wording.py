"""Errors that providers express in words, because their protocol has no code for them. Pure: no words are passed on.

Sources: the errors of Anthropic, Amazon Bedrock (Claude, Nova, Llama), Azure, Cerebras, Cohere, DeepSeek, Gemini, Groq,
llama.cpp, LM Studio, Mistral, Ollama, OpenAI, OpenRouter, SGLang, TGI, Together, vLLM and xAI, as users report them.
"""

from __future__ import annotations

import re
from typing import Final

_TOO_LONG: Final = re.compile(
    r"maximum (context|prompt|model) length"
    r"|context (length|limit|size|window)( is only| of only)?\b"
    r"|(prompt|input|request) (is|was) too long"
    r"|input tokens exceeded|too many (input )?tokens: "
    r"|max input tokens: \d+"
    r"|input (token count|length)\b.*\bexceeds?\b"
    r"|number of input tokens exceeds"
    r"|prompt contains \d+ tokens"
    r"|tokens \+ `?max_new_tokens`? must be"
    r"|`inputs` must have less than \d+ tokens"
    r"|reduce the length of the (messages|prompt|input)",
    re.IGNORECASE | re.DOTALL,
)
_ANSWER_TOO_LONG: Final = re.compile(
    r"`?max(imum)?_(completion_|output_|new_)?tokens`?\W+(must be|is too large|exceeds|cannot exceed|\d+ >)"
    r"|maximum (number of )?(output )?tokens (you )?(requested|allowed|exceeds)",
    re.IGNORECASE,
)
_ALONE: Final = re.compile(r"too large: (\d+)\W.*?context length is (\d+)", re.DOTALL)
"""How vLLM refuses a limit of the answer that leaves the prompt no room; one above the whole context is at fault."""


def is_context_overflow(message: str) -> bool:
    """Return whether a model refuses a prompt as too long for it, and not only the wanted answer."""
    alone = _ALONE.search(message)
    if alone:
        return int(alone[1]) < int(alone[2])
    return bool(_TOO_LONG.search(message)) and not _is_answer_alone(message)


def _is_answer_alone(message: str) -> bool:
    found = _ANSWER_TOO_LONG.search(message)
    return found is not None and not re.search(r"input|prompt|messages", message[: found.start()] or "", re.IGNORECASE)
