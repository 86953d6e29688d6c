"""Models on Amazon Bedrock, through its Converse API and boto3.

``messages`` and ``request`` translate what is asked, ``deltas`` what is answered; ``adapter`` alone knows boto3, and
``pump`` the thread that it needs.
"""

from antiphon.providers.bedrock.adapter import Bedrock

__all__ = ["Bedrock"]
