"""Images and files of a context: checked, fetched if they are behind URLs, and passed to the provider whole.

    parts -> does the model read them?  -> data URLs checked | URLs fetched through the door, together -> data URLs

All of this happens before the claim, so that an error is a status code that names its part. What the
caller sent is stored: the next turn of a conversation fetches its old URLs again (docs/adr/0005). Sizes are added up
after each fetch, so a request that is too large is refused before the rest of it is in memory.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from antiphon.errors import ApiError, FetchError
from antiphon.media import (
    Attachment,
    file_of_bytes,
    file_of_data,
    image_of_bytes,
    image_of_data_url,
    is_data_url,
    require_readable,
    too_large,
)
from antiphon.ports import Medium, ModelCall, Reads, Services
from antiphon.records import Item

MAX_URLS: Final = 64
"""The most URLs that are fetched for one request, including those of its conversation."""

MAX_TOTAL: Final = 64_000_000
"""The most characters of all attachments of one request, as data URLs."""

MAX_PER_HOST: Final = 32
"""The most of them at one host, so that nobody floods another server through this one."""

AT_ONCE: Final = 4
AT_ONCE_PER_HOST: Final = 2

_EARLIER: Final = "previous_response_id"
_MEDIA: Final[dict[str, frozenset[Medium]]] = {
    "input_image": frozenset({"image"}),
    "input_file": frozenset({"pdf", "text"}),
}
_FIELDS: Final = {"message": "content", "function_call_output": "output"}
_CODES: Final = {"not_allowed": "url_not_allowed", "unreachable": "url_unreachable"}


class _Place(NamedTuple):
    """The place of a part: item and part by index; ``param`` is its path, or None for an earlier turn's."""

    item: int
    field: str
    part: int
    param: str | None
    value: dict[str, Any]

    @property
    def what(self) -> str:
        return "image" if self.value["type"] == "input_image" else "file"

    @property
    def url(self) -> str | None:
        """Return the URL to fetch; None if the content is at hand."""
        if self.what == "file":
            return self.value.get("file_url") or None
        return None if is_data_url(self.value["image_url"]) else self.value["image_url"]

    def refusal(self, error: ApiError, name: str = "") -> ApiError:
        """Return the same error with the path of a field of this part."""
        param = f"{self.param}.{name or self.source}" if self.param else _EARLIER
        message = error.message if self.param else f"In an earlier turn: {error.message}"
        return ApiError(error.code, message, param=param)

    @property
    def source(self) -> str:
        return "image_url" if self.what == "image" else "file_url" if self.url else "file_data"


async def with_attachments(services: Services, reads: Reads, call: ModelCall) -> ModelCall:
    """Return the same call with all images and files whole, as data URLs.

    Raises:
        ApiError: 400: one cannot be read by this model, is not what it should be, too large, or cannot be fetched.
    """
    places = list(_places(call.items, call.asked))
    if not places:
        return call
    for place in places:  # as far as can be told before anything is fetched
        _require(reads, place, _MEDIA[place.value["type"]])
    budget = _Budget()
    attachments = {id(place): _at_hand(services, place, budget) for place in places if _require_source(place) is None}
    attachments |= await _fetched(services, [place for place in places if place.url is not None], call.deadline, budget)
    items = list(call.items)
    for place in places:
        attachment = attachments[id(place)]
        _require(reads, place, frozenset({attachment.medium}))
        items[place.item] = _replaced(items[place.item], place, attachment)
    return replace(call, items=items)


def _places(items: Sequence[Item], asked: int) -> Iterator[_Place]:
    first = len(items) - asked
    for index, item in enumerate(items):
        field = _FIELDS.get(item["type"], "")
        parts = item.get(field)
        if isinstance(parts, list):
            for number, part in enumerate(parts):
                if part["type"] in _MEDIA:
                    param = f"input[{index - first}].{field}[{number}]" if index >= first else None
                    yield _Place(index, field, number, param, part)


def _require(reads: Reads, place: _Place, media: frozenset[Medium]) -> None:
    readable = reads.message if place.field == "content" else reads.output | reads.message
    try:
        require_readable(media, readable, place.field)
    except ApiError as error:
        raise place.refusal(error, "type") from None


def _require_source(place: _Place) -> str | None:
    """Return the URL to fetch, after checking that the part has one source."""
    if place.what == "file":
        has_data, has_url = bool(place.value.get("file_data")), bool(place.value.get("file_url"))
        if has_data and has_url:
            raise place.refusal(ApiError("invalid_value", "Send `file_data` or `file_url`, not both."))
        if not has_data and not has_url:
            raise place.refusal(ApiError("missing_required_parameter", "Send `file_data` or `file_url`."))
    return place.url


def _at_hand(services: Services, place: _Place, budget: _Budget) -> Attachment:
    settings = services.settings
    try:
        if place.what == "image":
            attachment = image_of_data_url(place.value["image_url"], settings.max_image_bytes)
        else:
            attachment = file_of_data(place.value["file_data"], settings.max_file_bytes)
    except ApiError as error:
        raise place.refusal(error) from None
    budget.take(attachment)
    return attachment


async def _fetched(
    services: Services, places: Sequence[_Place], deadline: float, budget: _Budget
) -> dict[int, Attachment]:
    """Fetch all URLs together, each once; the first failure ends the rest."""
    if not places:
        return {}
    first: dict[tuple[str, str], _Place] = {}
    for place in sorted(places, key=lambda place: place.param is None):  # a new one is not taken from memory
        first.setdefault((place.what, place.url or ""), place)
    times = Counter((place.what, place.url or "") for place in places)
    gates = _Gates([url for _, url in first])

    async def fetch(key: tuple[str, str]) -> Attachment:
        async with gates.enter(key[1]):
            attachment = await _fetch(services, first[key], deadline)
            budget.take(attachment, times[key])
            return attachment

    tasks = {key: asyncio.ensure_future(fetch(key)) for key in first}
    try:
        await asyncio.gather(*tasks.values())
    finally:
        for task in tasks.values():
            task.cancel()
    return {id(place): tasks[place.what, place.url or ""].result() for place in places}


class _Budget:
    """What all attachments of one request may still have, in characters."""

    def __init__(self) -> None:
        self._left = MAX_TOTAL

    def take(self, attachment: Attachment, times: int = 1) -> None:
        """Count an attachment that is at a number of places.

        Raises:
            ApiError: 413 ``request_too_large``.
        """
        self._left -= len(attachment.url) * times
        if self._left < 0:
            raise ApiError("request_too_large", "All images and files together are over the limit.")


class _Gates:
    """Lets few fetches of a request through at once, and fewer to one host.

    Raises:
        ApiError: 400 ``out_of_range``: there are too many, altogether or at one host.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        if len(urls) > MAX_URLS:
            raise ApiError("out_of_range", f"One request may have at most {MAX_URLS} URLs fetched.", param="input")
        hosts = Counter(map(_host, urls))
        if max(hosts.values()) > MAX_PER_HOST:
            message = f"One request may have at most {MAX_PER_HOST} URLs fetched at one host."
            raise ApiError("out_of_range", message, param="input")
        self._all = asyncio.Semaphore(AT_ONCE)
        self._hosts = {host: asyncio.Semaphore(AT_ONCE_PER_HOST) for host in hosts}

    @asynccontextmanager
    async def enter(self, url: str) -> AsyncIterator[None]:
        """Wait for a turn; the host's comes first, so that waiting for a slow host holds up no other."""
        async with self._hosts[_host(url)], self._all:
            yield


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""  # the door refuses it


async def _fetch(services: Services, place: _Place, deadline: float) -> Attachment:
    settings = services.settings
    image = place.what == "image"
    max_bytes = settings.max_image_bytes if image else settings.max_file_bytes
    try:
        found = await services.door.fetch(
            place.url or "", max_bytes=max_bytes, deadline=deadline, again=place.param is None
        )
        return (image_of_bytes if image else file_of_bytes)(found.content, found.media_type)
    except FetchError as error:
        told = too_large(place.what, max_bytes) if error.reason == "too_large" else ApiError(_CODES[error.reason])
        raise place.refusal(told) from None
    except ApiError as error:
        raise place.refusal(error) from None


def _replaced(item: Item, place: _Place, attachment: Attachment) -> Item:
    """Return the item with one part whole."""
    parts = list(item[place.field])
    if place.what == "image":
        parts[place.part] = {**place.value, "image_url": attachment.url}
    else:
        name = place.value.get("filename") or _name(place.url or "")
        named = {"filename": name} if name else {}
        parts[place.part] = {"type": "input_file", **named, "file_data": attachment.url}
    return {**item, place.field: parts}


def _name(url: str) -> str:
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if name.isprintable() else ""
