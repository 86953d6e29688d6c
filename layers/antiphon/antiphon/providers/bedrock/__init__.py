"""Models on Amazon Bedrock, through its Converse API.

``messages`` and ``request`` translate what is asked, ``eventstream``, ``deltas`` and ``refusals`` what is answered;
``signer`` proves who asks.
"""

from antiphon.providers.bedrock.adapter import Bedrock

__all__ = ["Bedrock"]
