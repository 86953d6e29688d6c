"""What `antiphon chat` does: one message from an option or a pipe, or a conversation in a terminal."""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from typing import Final

from cli.chat import line
from cli.chat.dialogue import Continuation, Dialogue
from cli.chat.items import answer_to
from cli.chat.screen import Screen, screen
from cli.chat.session import Cancelled, ChatSession
from cli.client import connected
from cli.output import Output, Refused, Unreachable
from cli.server import find_server
from cli.suggestion import did_you_mean

SHORT: Final = 60
"""The most characters of a message in the list of turns."""

CANCELLED: Final = 130
"""The exit code of a command that Ctrl-C ended."""


async def chat(args: Namespace) -> Output:
    """Talk to an agent.

    Raises:
        Refused: there is no key, or the server refuses the one message.
        Unreachable: the server does not answer.
    """
    server = find_server(args, os.environ)
    is_dialogue = args.message is None and sys.stdin.isatty()
    if is_dialogue and args.json:
        raise Refused("--json is for one message: pass it with --message, or through a pipe")
    shown = screen(silent=args.json)
    if server.why and is_dialogue:
        shown.note(f"using {server.base_url} ({server.why})")
    async with connected(server, shown.note) as client:
        conversation = Dialogue(keeps=not args.no_store, start=Continuation(args.resume))
        session = ChatSession(client, args.agent, shown, conversation, args.instructions)
        if is_dialogue:
            return await _dialogue(session, shown)
        return await _once(session, shown, args.message if args.message is not None else sys.stdin.read())


async def _once(session: ChatSession, shown: Screen, text: str) -> Output:
    if not text.strip():
        raise Refused("the message is empty")
    try:
        response = await session.send(text)
    except Cancelled:
        return Output({"status": "cancelled"}, code=CANCELLED)
    for item in session.waits:
        asked = "an approval" if item["type"] == "mcp_approval_request" else f"the output of {item.get('name')}"
        shown.note(f"the answer waits for {asked}: `antiphon chat` in a terminal asks for it")
    return Output(response, code=1 if session.waits or response.get("status") == "failed" else 0)


async def _dialogue(session: ChatSession, shown: Screen) -> Output:
    """Read messages and commands until the person leaves."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C at the prompt drops the line
    line.edit()
    shown.note("/help lists what you can type; /quit or Ctrl-D ends")
    while True:
        try:
            text = _read(session, shown)
        except KeyboardInterrupt:
            print()
            continue
        if text is None or text.strip() == "/quit":
            return _left(session)
        try:
            await _perform(session, shown, text)
        except Cancelled:
            continue
        except (Refused, Unreachable) as error:
            shown.note(f"antiphon: {error}")


def _read(session: ChatSession, shown: Screen) -> str | None:
    if session.waits:
        item = session.waits[0]
        is_question = item["type"] == "mcp_approval_request"
        shown.ask_about(item)
        return line.read_message("approve? [y/N] " if is_question else f"output of {item.get('name')}> ")
    return line.read_message()


async def _perform(session: ChatSession, shown: Screen, text: str) -> None:
    command, _, rest = text.strip().partition(" ")
    if text.startswith("//") or not text.startswith("/"):
        await _say(session, text.removeprefix("/") if text.startswith("//") else text)
    elif command == "/help":
        shown.note(line.HELP)
    elif command == "/new":
        session.restart()
        shown.note("a new conversation")
    elif command == "/compact":
        await session.compact()
    elif command == "/branch":
        _branch(session, shown, rest.strip())
    else:
        meant = did_you_mean(command, line.COMMANDS)
        raise Refused(f"there is no command {command}: {meant or '/help lists them'}")


async def _say(session: ChatSession, text: str) -> None:
    """Send a message, or the answers to all that waits once the last one is typed."""
    if not session.waits:
        if text.strip():
            await session.send(text)
        return
    session.answers.append(answer_to(session.waits.pop(0), text))
    if not session.waits:
        await session.send_answers()


def _branch(session: ChatSession, shown: Screen, where: str) -> None:
    turns = session.conversation.turns
    if not where:
        rows = [f"{number}  {_first_line(turn.asked)}" for number, turn in enumerate(turns, 1)]
        shown.note("\n".join(["0  the beginning", *rows]))
    elif where.isdecimal():
        if int(where) > len(turns):
            raise Refused(f"there is no turn {where}: /branch lists them")
        session.back_to(int(where))
        shown.note(f"the next message continues after turn {int(where)}" if int(where) else "back at the beginning")
    else:
        session.restart(Continuation(where))
        shown.note(f"the next message continues {where}")


def _first_line(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= SHORT else f"{shown[:SHORT]}..."


def _left(session: ChatSession) -> Output:
    print()
    previous = session.conversation.place.previous
    notes = (f"continue with --continue {previous}",) if previous else ()
    return Output({"previous_response_id": previous}, notes=notes)
