"""What a command works with: the operations' services and operator, and what only a command line needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from antiphon.manage.operator import Operator
from antiphon.manage.pages import name_of, walk
from antiphon.ports import Page, Services
from antiphon.settings import ProviderEndpoint

Document = dict[str, Any]

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with.

    Attributes:
        operator: whoever runs the command, who has credentials for the store.
        api_url: where the deployment answers, if that is known.
        providers: the deployment's providers by name, as far as they are known.
        providers_are: where all of them are named; None if there may be others.
        cache_seconds: for how long the service may still use what it read of a user, role or tenant.
    """

    services: Services
    operator: Operator
    api_url: str | None = None
    providers: Mapping[str, ProviderEndpoint] = field(default_factory=dict)
    providers_are: str | None = None
    cache_seconds: int = 0

    @property
    def tenant(self) -> str:
        """The tenant to work in."""
        return self.operator.tenant

    @property
    def now(self) -> int:
        """Seconds since the epoch."""
        return int(self.services.clock())

    def all(
        self, operation: Callable[..., Awaitable[Page[Document]]], *args: Any, **more: Any
    ) -> AsyncIterator[Document]:
        """Yield every record of a list, page by page.

        Args:
            operation: the operation that lists.
            args: what it is given after the services and the operator.
            more: the same, by name.
        """

        async def fetch(last: Document | None) -> Page[Document]:
            after = {} if last is None else {"after": name_of(last)}
            return await operation(self.services, self.operator, *args, limit=PAGE, **after, **more)

        return walk(fetch)

    async def listed(
        self, operation: Callable[..., Awaitable[Page[Document]]], *args: Any, **more: Any
    ) -> list[Document]:
        """Return every record of a list; see ``all``."""
        return [document async for document in self.all(operation, *args, **more)]
