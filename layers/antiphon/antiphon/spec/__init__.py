"""The forms of Open Responses 2026-04-24, as pydantic models and plain JSON. No behaviour, no I/O."""
