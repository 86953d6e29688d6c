"""What may leave before it is stored, and what may not."""

import asyncio

from antiphon.errors import StorageUnavailable
from antiphon.stream.checkpoints import DONE, Checkpoints


def event(name, kind="response.output_text.delta"):
    return {"type": kind, "name": name}


def done(name):
    return event(name, DONE)


class Rig:
    """A store that answers when it is told to, and what has left."""

    def __init__(self):
        self.left = []
        self.asked = 0
        self.answer = asyncio.Event()
        self.broken = False
        self.checkpoints = Checkpoints(self.save, lambda event: self.left.append(event["name"]))

    async def save(self):
        self.asked += 1
        await self.answer.wait()
        self.answer.clear()
        if self.broken:
            raise StorageUnavailable("broken")

    def take(self, *events):
        for taken in events:
            self.checkpoints.put(taken)

    async def stored(self):
        self.answer.set()
        await self.settled()

    async def settled(self):
        for _ in range(5):
            await asyncio.sleep(0)


async def test_deltas_pass_and_the_last_item_waits_for_the_end_without_a_write():
    async def run():
        rig = Rig()
        rig.take(event("a"), done("one"))
        await rig.settled()
        assert (rig.left, rig.asked) == (["a"], 0)
        rig.checkpoints.stop()
        rig.checkpoints.release()
        rig.take(event("end", "response.completed"))
        assert rig.left == ["a", "one", "end"]

    await run()


async def test_an_item_leaves_once_it_is_stored_and_all_that_followed_it_in_order():
    async def run():
        rig = Rig()
        rig.take(done("one"), event("b"))
        await rig.settled()
        rig.take(event("c"))
        assert (rig.left, rig.asked) == ([], 1)
        await rig.stored()
        assert (rig.left, rig.asked) == (["one", "b", "c"], 1)
        rig.take(event("d"))
        assert rig.left[-1] == "d"

    await run()


async def test_an_item_that_was_done_while_the_store_was_asked_waits_for_the_next_write():
    async def run():
        rig = Rig()
        rig.take(done("one"), event("b"))
        await rig.settled()
        rig.take(done("two"), event("d"))
        await rig.stored()
        assert (rig.left, rig.asked) == (["one", "b"], 2)
        await rig.stored()
        assert rig.left == ["one", "b", "two", "d"]

    await run()


async def test_while_the_store_is_out_of_order_what_is_not_stored_waits_for_the_commit():
    async def run():
        rig = Rig()
        rig.broken = True
        rig.take(done("one"), event("b"))
        await rig.settled()
        await rig.stored()
        rig.take(done("two"), event("d"))
        await rig.settled()
        assert (rig.left, rig.asked) == ([], 1)
        rig.checkpoints.stop()
        rig.checkpoints.release()
        assert rig.left == ["one", "b", "two", "d"]

    await run()


async def test_a_write_that_is_still_under_way_at_the_end_is_not_waited_for():
    async def run():
        rig = Rig()
        rig.take(done("one"), event("b"))
        await rig.settled()
        rig.checkpoints.stop()
        await rig.settled()
        assert rig.left == []
        rig.checkpoints.release()
        assert rig.left == ["one", "b"]

    await run()
