"""Models on Amazon Bedrock, through its Converse API.

``messages`` and ``request`` write a call, ``signer`` signs it, ``eventstream``, ``deltas`` and ``refusals`` read the
answer.
"""
