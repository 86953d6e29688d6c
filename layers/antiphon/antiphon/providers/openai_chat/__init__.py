"""Any endpoint of OpenAI's Chat Completions protocol.

``request`` and ``messages`` write a call, ``deltas`` reads the answer, ``adapter`` sends and streams over HTTP.
"""
