"""The bodies of ``/v1/conversations``, as OpenAI's clients send them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from antiphon.spec.base import Wire
from antiphon.spec.items import InputItem
from antiphon.spec.request import Metadata, validated

MAX_ADDED: Final = 20
"""How many items are added at once."""


class CreateConversation(Wire):
    """A conversation to begin."""

    items: Annotated[list[InputItem], Field(fail_fast=True, max_length=MAX_ADDED)] | None = None
    metadata: Metadata | None = None


class UpdateConversation(Wire):
    """The metadata that replaces what a conversation has; null removes it all."""

    metadata: Metadata | None


class CreateItems(Wire):
    """Items to add to a conversation."""

    items: Annotated[list[InputItem], Field(fail_fast=True, min_length=1, max_length=MAX_ADDED)]


def parse_conversation(document: dict[str, Any]) -> CreateConversation:
    """Read a request for a conversation.

    Raises:
        ApiError: 400, naming the first field that is wrong.
    """
    return validated(CreateConversation, document)


def parse_update(document: dict[str, Any]) -> UpdateConversation:
    """Read what is to change.

    Raises:
        ApiError: likewise.
    """
    return validated(UpdateConversation, document)


def parse_items(document: dict[str, Any]) -> CreateItems:
    """Read what is to be added.

    Raises:
        ApiError: likewise.
    """
    return validated(CreateItems, document)
