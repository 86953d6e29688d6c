"""Any endpoint of Anthropic's Messages protocol.

``request`` and ``messages`` write a call, ``deltas`` reads the answer, ``adapter`` sends and streams over HTTP.
"""
