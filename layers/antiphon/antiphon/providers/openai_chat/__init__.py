"""Any endpoint that speaks OpenAI's Chat Completions protocol.

``request`` translates what is asked, ``deltas`` what is answered; ``adapter`` alone knows HTTP.
"""

from antiphon.providers.openai_chat.adapter import OpenAIChat

__all__ = ["OpenAIChat"]
