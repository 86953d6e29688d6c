"""Any endpoint of the Responses protocol: OpenAI's own, Bedrock's compatible one, others.

``request`` writes a call, ``deltas`` reads the answer, ``adapter`` sends and streams over HTTP.
"""
