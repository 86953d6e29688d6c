"""The limits of a tenant, role or user as a document: one layer of the configuration, checked before it is stored."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from antiphon.errors import ApiError
from antiphon.manage.budgets import BudgetDocument, write_budget
from antiphon.manage.document import Parameters
from antiphon.ports import Services
from antiphon.records import Limits
from antiphon.spec.base import Wire
from antiphon.spec.request import MaxOutputTokens, MaxToolCalls, Penalty, Temperature, TopLogprobs, TopP

Names = list[Annotated[str, Field(min_length=1, max_length=2048)]]


class Maximums(Wire):
    """The greatest value allowed for each numeric parameter, within the specification's own bounds."""

    temperature: Temperature | None = None
    top_p: TopP | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    max_output_tokens: MaxOutputTokens | None = None
    max_tool_calls: MaxToolCalls | None = None
    top_logprobs: TopLogprobs | None = None


class LimitsDocument(BudgetDocument):
    """One layer as it is written in a file; the fields are those of ``records.Limits``."""

    providers: Names | None = None
    models: Names | None = None
    defaults: Parameters = Field(default_factory=Parameters)
    maximums: Maximums = Field(default_factory=Maximums)
    retention_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    max_body_bytes: Annotated[int, Field(ge=1024, le=64_000_000)] | None = None

    def limits(self) -> Limits:
        """Return the record."""
        return Limits(
            providers=None if self.providers is None else tuple(self.providers),
            models=None if self.models is None else tuple(self.models),
            defaults=self.defaults.wire(),
            maximums=self.maximums.wire(),
            retention_days=self.retention_days,
            max_body_bytes=self.max_body_bytes,
            **asdict(self.budget()),
        )


def check_providers(services: Services, limits: LimitsDocument) -> None:
    """Check that the providers that limits name exist.

    Raises:
        ApiError: 400.
    """
    if services.provider_names is None:
        return
    for name in limits.providers or ():
        if name not in services.provider_names:
            raise ApiError("invalid_value", f"There is no provider {name} here.", param="limits.providers")


def write_limits(limits: Limits) -> dict[str, Any]:
    """Return the document that ``LimitsDocument`` reads as these limits; what is None is left out."""
    said = {
        "providers": None if limits.providers is None else list(limits.providers),
        "models": None if limits.models is None else list(limits.models),
        "defaults": limits.defaults or None,
        "maximums": limits.maximums or None,
        "retention_days": limits.retention_days,
        "max_body_bytes": limits.max_body_bytes,
    }
    return {name: value for name, value in said.items() if value is not None} | write_budget(limits.budget)
