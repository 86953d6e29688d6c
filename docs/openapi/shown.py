"""The base of what the OpenAPI document has of answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def _drop_default(schema: dict[str, Any]) -> None:
    del schema["default"]


Absent: Any = Field(default=None, json_schema_extra=_drop_default)
"""The default of a field that may be left out, and is never null."""


class Shown(BaseModel):
    """An object that Antiphon sends. Further fields may be added to it; a client skips unknown ones."""

    model_config = ConfigDict(use_attribute_docstrings=True)
