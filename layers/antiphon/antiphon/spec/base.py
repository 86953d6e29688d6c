"""The base of every model that reads a request: strict types, no unknown fields, and null for an absent field."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import CoreSchema, core_schema

from antiphon.validation import form

MAX_TEXT = 10_485_760
"""The longest text of the specification, in characters (``maxLength`` of every text field)."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[
    str, form(r"^[a-zA-Z0-9_-]+$", "may have only letters, digits, `_` and `-`", min_length=1, max_length=64)
]


def without_nul(*, empty: bool = False, **bounds: Any) -> Any:
    """Return the constraint of a text that stores and providers take.

    Args:
        empty: it may be empty.
        bounds: further constraints.
    """
    return form(r"^[^\x00]*$" if empty else r"^[^\x00]+$", "must not have the character U+0000", **bounds)


CallId = Annotated[str, without_nul(min_length=1, max_length=65_536)]
"""The specification allows 64 characters. Some providers put a signature of several kilobytes into the id of a call."""

CalledName = Annotated[str, without_nul(min_length=1, max_length=256)]
"""The name of a function as a model wrote it, which need not be the name of a tool."""

ItemId = Annotated[str, without_nul(max_length=256)]
Status = Literal["in_progress", "completed", "incomplete"]
Label = Annotated[str, without_nul(empty=True, max_length=64)]


class Wire(BaseModel):
    """An object that a client sends. For an optional field, null means absent.

    Attributes:
        unserved: fields of OpenAI's API that are not served here. Its clients send them as null or false, for example
            in the ``model_dump()`` of an answer. Any other value is refused.
    """

    unserved: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if unsaid := {name for name in cls.unserved & value.keys() if value[name] is None or value[name] is False}:
            value = {key: item for key, item in value.items() if key not in unsaid}
        if len(value) > len(cls.model_fields):  # one unknown field is enough for the error
            names = {field.alias or name for name, field in cls.model_fields.items()}
            unknown = next(key for key in value if key not in names)
            value = {key: item for key, item in value.items() if key in names or key == unknown}
        if None not in value.values():
            return value
        optional = {field.alias or name for name, field in cls.model_fields.items() if not field.is_required()}
        return {key: item for key, item in value.items() if item is not None or key not in optional}

    def wire(self) -> dict[str, Any]:
        """Return the object as JSON, without absent fields."""
        return self.model_dump(by_alias=True, exclude_none=True)


class Rare:
    """Marks a member of a union that few requests have: its module is imported when the first such object comes.

    Without it, every cold start would build the models of all types of items and tools (docs/adr, 21).

    Args:
        module: the module of the model.
        name: the model.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    @property
    def model(self) -> type[Wire]:
        """The model."""
        found: type[Wire] = getattr(import_module(self._module), self._name)
        return found

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        """Return a validator that has not built the model's yet."""
        return core_schema.no_info_plain_validator_function(self._validate, metadata={"rare": self})

    def _validate(self, value: Any) -> Wire:
        return self.model.model_validate(value)
