"""Any endpoint that speaks Anthropic's Messages protocol.

``request`` and ``messages`` translate what is asked, ``deltas`` what is answered; ``adapter`` alone knows HTTP.
"""

from antiphon.providers.anthropic.adapter import BASE_URL, Anthropic

__all__ = ["BASE_URL", "Anthropic"]
