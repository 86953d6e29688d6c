"""Chat Completions: OpenAI's older protocol as another form of the same requests, events and responses; no I/O."""
