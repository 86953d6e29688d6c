"""Any endpoint that speaks the Responses protocol: OpenAI's own, Bedrock's compatible one, others.

``request`` translates what is asked, ``deltas`` what is answered; ``adapter`` alone knows HTTP.
"""

from antiphon.providers.openai_responses.adapter import BASE_URL, OpenAIResponses

__all__ = ["BASE_URL", "OpenAIResponses"]
