from __future__ import annotations

from antiphon.fetch.recent import RecentlyFetched
from antiphon.ports import Fetched


class Counting:
    """A door to made-up content that counts."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    async def fetch(self, url: str, *, max_bytes: int, deadline: float, again: bool = False) -> Fetched:
        self.urls.append(url)
        return Fetched(bytes(10), f"{url}/{len(self.urls)}")


class Hour:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def ask(door: RecentlyFetched, url: str, *, again: bool, max_bytes: int = 100) -> str:
    return (await door.fetch(url, max_bytes=max_bytes, deadline=0, again=again)).media_type


async def test_what_was_fetched_lately_will_do_again() -> None:
    door = RecentlyFetched(inner := Counting(), Hour())
    assert await ask(door, "a", again=False) == await ask(door, "a", again=True)
    assert inner.urls == ["a"]


async def test_a_new_url_is_always_fetched() -> None:
    door = RecentlyFetched(inner := Counting(), Hour())
    assert await ask(door, "a", again=False) != await ask(door, "a", again=False)
    assert inner.urls == ["a", "a"]


async def test_it_is_forgotten_after_a_while() -> None:
    clock = Hour()
    door = RecentlyFetched(inner := Counting(), clock, seconds=60)
    await ask(door, "a", again=False)
    clock.now = 60
    await ask(door, "a", again=True)
    assert inner.urls == ["a", "a"]


async def test_what_was_used_last_is_forgotten_last() -> None:
    door = RecentlyFetched(inner := Counting(), Hour(), max_bytes=20)
    for url in ("a", "b", "a", "c", "a", "b"):
        await ask(door, url, again=True)
    assert inner.urls == ["a", "b", "c", "b"]


async def test_what_is_larger_than_all_that_may_be_kept_is_not_kept() -> None:
    door = RecentlyFetched(inner := Counting(), Hour(), max_bytes=9)
    await ask(door, "a", again=True)
    await ask(door, "a", again=True)
    assert inner.urls == ["a", "a"]


async def test_content_over_the_askers_limit_is_fetched_so_that_the_door_says_no() -> None:
    door = RecentlyFetched(inner := Counting(), Hour())
    await ask(door, "a", again=True)
    await ask(door, "a", again=True, max_bytes=9)
    assert inner.urls == ["a", "a"]
