"""The base of every model that reads the wire: strict types, no unknown fields, and null where a field may be absent.

It must not know any particular object of the specification.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_TEXT = 10_485_760
"""The longest text of the specification, in characters (``maxLength`` of every text field)."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", min_length=1, max_length=64)]
CallId = Annotated[str, Field(pattern=r"^[^\x00]+$", min_length=1, max_length=64)]
Label = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=64)]


class Wire(BaseModel):
    """An object that a client sends. For an optional field, null means absent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if len(value) > len(cls.model_fields):  # of the fields that there are not, one is told of
            names = {field.alias or name for name, field in cls.model_fields.items()}
            unknown = next(key for key in value if key not in names)
            value = {key: item for key, item in value.items() if key in names or key == unknown}
        if None not in value.values():
            return value
        optional = {field.alias or name for name, field in cls.model_fields.items() if not field.is_required()}
        return {key: item for key, item in value.items() if item is not None or key not in optional}

    def wire(self) -> dict[str, Any]:
        """Write the object in its JSON form, absent fields left out."""
        return self.model_dump(by_alias=True, exclude_none=True)
