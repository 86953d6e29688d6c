"""A whole completion: what the chunks of its stream amount to."""

from __future__ import annotations

from typing import Any

from antiphon.chat.chunks import Chunks, usage
from antiphon.errors import ApiError
from antiphon.stream.replay import replay


def completion(response: dict[str, Any], retry_after: int | None = None, *, final: bool = False) -> dict[str, Any]:
    """Return a response that has ended as a completion.

    Args:
        response: the resource.
        retry_after: the seconds after which a provider that failed can be asked again, if they are known.
        final: see ``ApiError``.

    Raises:
        ApiError: it failed, or was cancelled.
    """
    chunks = Chunks()
    message = _Message()
    last: dict[str, Any] = {}
    for event in replay(response, obfuscate=False):
        for chunk in chunks(event):
            if "error" in chunk:
                code, message = chunk["error"]["code"], chunk["error"]["message"]
                raise ApiError(code, message, retry_after=retry_after, complete=True, final=final)
            last = chunk
            message.add(chunk["choices"][0])
    choice = {
        "index": 0,
        "message": message.value(),
        "logprobs": message.logprobs(),
        "finish_reason": last["choices"][0]["finish_reason"],
    }
    used = response["usage"]
    return {
        **last,
        "object": "chat.completion",
        "choices": [choice],
        "usage": None if used is None else usage(used),
        **({"antiphon": response["antiphon"]} if "antiphon" in response else {}),
    }


class _Message:
    """The message that the chunks so far amount to."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._calls: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] = []

    def add(self, choice: dict[str, Any]) -> None:
        """Add the choice of a chunk."""
        delta = choice["delta"]
        for name in ("content", "refusal", "reasoning_content"):
            if name in delta:
                self._texts.setdefault(name, []).append(delta[name])
        for call in delta.get("tool_calls", ()):
            self._add_call(call)
        self._annotations += delta.get("annotations", ())
        self._logprobs += (choice["logprobs"] or {}).get("content", ())

    def _add_call(self, call: dict[str, Any]) -> None:
        if "id" in call:
            self._calls.append({name: value for name, value in call.items() if name != "index"})
            return
        whole = self._calls[call["index"]]
        for name, piece in call[whole["type"]].items():
            whole[whole["type"]][name] += piece

    def value(self) -> dict[str, Any]:
        """Return the message."""
        content = "".join(self._texts.get("content", ()))
        refusal = "".join(self._texts.get("refusal", ())) or None
        message: dict[str, Any] = {
            "role": "assistant",
            "content": content or (None if self._calls or refusal else ""),
            "refusal": refusal,
            "annotations": self._annotations,
        }
        if "reasoning_content" in self._texts:
            message["reasoning_content"] = "".join(self._texts["reasoning_content"])
        if self._calls:
            message["tool_calls"] = self._calls
        return message

    def logprobs(self) -> dict[str, Any] | None:
        """Return the log probabilities, if there are any."""
        return {"content": self._logprobs, "refusal": None} if self._logprobs else None
