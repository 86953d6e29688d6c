"""The stored items that an input refers to (``item_reference``), read in batches and bounded in number and size.

The bounds are those of the other ways to bring in the same: a request refers to at most as many responses as a
conversation may have turns, and the items that take the references' places are together no larger than a body may be.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from antiphon.access.principal import Principal
from antiphon.context.input import Asking, open_reasoning, references
from antiphon.errors import ApiError
from antiphon.ids import parse_item_id
from antiphon.ports import Services
from antiphon.records import Item, StoredResponse
from antiphon.run.models import are_visible

BATCH: Final = 8
"""How many responses are read, and held in memory, at once."""


async def referenced_items(services: Services, principal: Principal, request: Asking) -> dict[str, Item]:
    """Read the items that the input refers to, by their ids.

    Raises:
        ApiError: 404 if one is absent or hidden; 400 or 413 if they are too many or too large.
    """
    wanted = references(request)
    ids = [*(item for _, item in wanted), *open_reasoning(request)]
    places = {item: parse_item_id(item) for item in ids}
    responses = list(dict.fromkeys(place[0] for place in places.values() if place))
    limit = services.settings.max_chain_turns
    if len(responses) > limit:
        raise ApiError("out_of_range", f"The input may refer to items of at most {limit} responses.", param="input")
    reading = _Reading(services, principal, ids)
    for start in range(0, len(responses), BATCH):
        await reading.read(responses[start : start + BATCH])
    for index, item in wanted:
        if item not in reading.items:
            raise ApiError("response_not_found", "There is no such item.", param=f"input[{index}].id")
    return reading.items


class _Reading:
    """The items found so far. Of a response only those that are referred to are kept.

    Args:
        services: the adapters.
        principal: the caller.
        ids: the ids of the items that are wanted, as often as each is.
    """

    def __init__(self, services: Services, principal: Principal, ids: Sequence[str]) -> None:
        self._services = services
        self._principal = principal
        self._times = Counter(ids)
        self._limit = principal.limits.max_body_bytes or services.settings.max_body_bytes
        self._left = self._limit
        self._visible: dict[str, bool] = {}
        self.items: dict[str, Item] = {}

    async def read(self, responses: Sequence[str]) -> None:
        """Read some responses at once and keep what is wanted of them.

        Raises:
            ApiError: 413 ``request_too_large``.
        """
        now, store = self._services.clock(), self._services.responses
        found = await asyncio.gather(*(store.get(self._principal.owner, response, now) for response in responses))
        for turn in found:
            if turn is not None and await self._is_visible(turn.agent):
                self._keep(turn)

    async def _is_visible(self, agent: str) -> bool:
        if agent not in self._visible:
            self._visible[agent] = await are_visible(self._services, self._principal, [agent])
        return self._visible[agent]

    def _keep(self, turn: StoredResponse) -> None:
        for item in (*turn.input, *turn.response["output"]):
            if item["id"] in self._times:
                self._take(item)

    def _take(self, item: Item) -> None:
        size = len(json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        self._left -= size * self._times[item["id"]]
        if self._left < 0:
            message = f"The items that the input refers to may have at most {self._limit} bytes together."
            raise ApiError("request_too_large", message, param="input")
        self.items[item["id"]] = item
