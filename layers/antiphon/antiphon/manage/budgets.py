"""What a user, key or agent may use, as a document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from antiphon.records import Budget
from antiphon.spec.base import Wire

Count = Annotated[int, Field(ge=1, le=10**15)]
Dollars = Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)]


class BudgetDocument(Wire):
    """What a user, key or agent may use; the fields are those of ``records.Budget``."""

    requests_per_minute: Count | None = None
    tokens_per_day: Count | None = None
    tokens_per_month: Count | None = None
    usd_per_month: Dollars | None = None

    def budget(self) -> Budget:
        """Return the record."""
        return Budget(self.requests_per_minute, self.tokens_per_day, self.tokens_per_month, self.usd_per_month)


class AgentBudgetDocument(BudgetDocument):
    """What all users of an agent together may use, and what one response may."""

    tokens_per_response: Count | None = None
    usd_per_response: Dollars | None = None


def write_budget(budget: Budget) -> dict[str, Any]:
    """Return the document that ``BudgetDocument`` reads as this budget; what is None is left out."""
    return {name: value for name, value in asdict(budget).items() if value is not None}
