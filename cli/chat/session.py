"""One person and one agent: sends messages, shows the answers, cancels, branches and compacts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Final, TypeVar

from cli.chat.dialogue import Continuation, Dialogue, message
from cli.chat.items import Item, waits_for_others
from cli.chat.screen import Screen
from cli.client import Client, NoSuchAgent, Seen, path_of
from cli.output import Refused, Unreachable
from cli.suggestion import did_you_mean

Response = dict[str, Any]
T = TypeVar("T")

_SEAL: Final = {"store": False, "include": ["reasoning.encrypted_content"]}
"""The fields of a request whose response the server does not keep, so that its reasoning can be sent back."""


class Cancelled(Exception):
    """The person cancelled the response."""


class ChatSession:
    """A conversation with an agent.

    Args:
        client: the server.
        agent: sent as ``model``.
        screen: where answers are shown.
        conversation: what was said, and from where to continue.
        instructions: sent with every message; None for none.
    """

    def __init__(
        self, client: Client, agent: str, screen: Screen, conversation: Dialogue, instructions: str | None = None
    ) -> None:
        self._client, self._agent, self._screen = client, agent, screen
        self._instructions = instructions
        self.conversation = conversation
        self.waits: list[Item] = []
        self.answers: list[Item] = []

    async def send(self, text: str) -> Response:
        """Send a message and show the answer; raises as ``send_items``."""
        return await self.send_items(text, [message(text)])

    async def send_items(self, asked: str, items: list[Item]) -> Response:
        """Send items and show the answer as it streams.

        Raises:
            Cancelled: Ctrl-C; the conversation is as before.
            Refused: the server refuses, or the stream ends with an error and without a response.
            Unreachable: the server does not answer.
        """
        seen = Seen()
        response = await until_interrupted(self._answer(items, seen))
        if response is None:
            await self._cancel(seen)
            raise Cancelled
        self._screen.close(response)
        for text in waits_for_others(response):
            self._screen.note(text)
        if response.get("status") != "failed":
            self.conversation.add(asked, items, response)
            self._wait_for_answers()
        return response

    async def send_answers(self) -> Response:
        """Send what was typed for the calls and questions of the last answer; raises as ``send_items``."""
        answers, self.answers = self.answers, []
        return await self.send_items("(outputs)", answers)

    async def compact(self) -> None:
        """Replace the conversation by its compacted form.

        Raises:
            Refused: there is nothing to compact, or the server refuses.
            Unreachable: the server does not answer.
        """
        place = self.conversation.place
        if place.is_empty:
            raise Refused("there is nothing to compact yet")
        asked = {"model": self._agent, **place.fields()}
        answer = await until_interrupted(self._client.request("POST", "/responses/compact", asked))
        if answer is None:
            return
        used = answer.get("usage") or {}
        if used and used["output_tokens"] >= used["input_tokens"]:
            raise Refused(f"the conversation has {used['input_tokens']} tokens: too few to be compacted, so it stays")
        self.restart(Continuation(None, tuple(answer.get("output") or ())))
        tokens = f": {used['input_tokens']} tokens are {used['output_tokens']} now" if used else ""
        self._screen.note(f"the conversation was compacted{tokens}")

    def restart(self, place: Continuation = Continuation()) -> None:  # noqa: B008 (it is immutable)
        """Begin anew, at a place."""
        self.conversation.restart(place)
        self._wait_for_answers()

    def back_to(self, number: int) -> None:
        """Continue after the turn of a number."""
        self.conversation.back_to(number)
        self._wait_for_answers()

    def _wait_for_answers(self) -> None:
        self.waits, self.answers = self.conversation.waits, []

    async def _answer(self, items: list[Item], seen: Seen) -> Response:
        fields = {"model": self._agent, **self.conversation.place.fields(items)}
        if not self.conversation.keeps:
            fields |= _SEAL
        if self._instructions:
            fields["instructions"] = self._instructions
        try:
            return await shown(self._client.create(fields, seen), self._screen)
        except NoSuchAgent as error:
            raise Refused(await self._likely_agent() or str(error)) from None

    async def _likely_agent(self) -> str | None:
        """Return the line that names the agents of the server; None if it does not list any."""
        try:
            listed = (await self._client.request("GET", "/models")).get("data")
        except (Refused, Unreachable):
            return None
        names = [each["id"] for each in listed or () if isinstance(each, dict) and isinstance(each.get("id"), str)]
        advice = did_you_mean(self._agent, names) or f"the agents are {', '.join(names)}"
        return f"there is no agent {self._agent} for this key: {advice}" if names else None

    async def _cancel(self, seen: Seen) -> None:
        """Cancel the response on the server, if it has one of that id; a server that cannot is left alone."""
        if seen.id is not None and self.conversation.keeps and not seen.has_ended:
            try:
                await until_interrupted(self._client.request("POST", path_of(seen.id, "/cancel")))
            except (Refused, Unreachable) as error:
                self._screen.note(f"the server did not cancel it: {error}")
        self._screen.close({"status": "cancelled", "id": seen.id or "before its beginning"})


async def shown(events: Any, screen: Screen) -> Response:
    """Show events as they come and return the response of the last one."""
    response: Response = {}
    async with aclosing(events) as stream:
        async for event in stream:
            screen.put(event)
            found = event.get("response")
            response = found if isinstance(found, dict) else response
    return response


async def until_interrupted(work: Coroutine[Any, Any, T]) -> T | None:
    """Do some work; return None if Ctrl-C ends it before."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        loop.remove_signal_handler(signal.SIGINT)
