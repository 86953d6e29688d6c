"""`antiphon responses`: list, show, follow, cancel and delete stored responses of a running server."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from cli.chat.items import lines_of, plain, text_of
from cli.chat.screen import screen
from cli.chat.session import shown
from cli.client import Client, Seen, connected, path_of
from cli.output import Output, Refused, moment
from cli.server import find_server
from cli.tables import columns, table


async def list_responses(args: Namespace) -> Output:
    """List the newest responses of the key's user or, with a management key, of any user.

    Raises:
        Refused: the server does not list responses, which only Antiphon does, or there is no such user.
    """
    whose = "me" if args.user is None else f"users/{quote(args.user, safe='')}"
    after = f"&after={quote(args.after, safe='')}" if args.after else ""
    async with _client(args) as client:
        page = await client.request("GET", f"/admin/{whose}/responses?limit={args.limit}{after}")
    found = page.get("data") or []
    rows = [
        (each["id"], each["agent"], each["status"], moment(each["created_at"]), moment(each["expires_at"]))
        for each in found
    ]
    more = (f"there are more: --after {found[-1]['id']}",) if page.get("has_more") and found else ()
    return Output(found, table(("ID", "AGENT", "STATUS", "CREATED", "EXPIRES"), rows), more)


async def show(args: Namespace) -> Output:
    """Show a response: its state, its items and what they used."""
    async with _client(args) as client:
        response = await client.request("GET", path_of(args.id))
    return Output(response, _written(response))


async def follow(args: Namespace) -> Output:
    """Show a response as it streams, from its beginning or after an event, to its end.

    Raises:
        Refused: it is absent, or the server cannot stream it.
        Unreachable: the server does not answer.
    """
    screened = screen(silent=args.json)
    seen = Seen(id=args.id, last=args.after)
    async with _client(args, screened.note) as client:
        response = await shown(client.follow(seen), screened)
    if not response:
        raise Refused(f"there is no event after {args.after}")
    screened.close(response)
    return Output(response, code=1 if response.get("status") == "failed" else 0)


async def cancel(args: Namespace) -> Output:
    """Cancel a response that is queued or running."""
    async with _client(args) as client:
        response = await client.request("POST", path_of(args.id, "/cancel"))
    return Output(response, f"{response.get('status')}  {args.id}")


async def delete(args: Namespace) -> Output:
    """Delete a response with all its content."""
    async with _client(args) as client:
        await client.request("DELETE", path_of(args.id))
    return Output({"id": args.id, "result": "deleted"}, f"deleted  {args.id}")


@asynccontextmanager
async def _client(args: Namespace, notice: Any = None) -> AsyncGenerator[Client, None]:
    async with connected(find_server(args, os.environ), *([notice] if notice else [])) as client:
        yield client


def _written(response: dict[str, Any]) -> str:
    used = response.get("usage") or {}
    error = response.get("error") or {}
    rows = [
        ("id", response.get("id")),
        ("agent", response.get("model")),
        ("status", response.get("status")),
        ("error", error.get("message")),
        ("created", moment(response.get("created_at"))),
        ("continues", response.get("previous_response_id")),
        ("tokens", f"{used['input_tokens']} in, {used['output_tokens']} out" if used else ""),
    ]
    head = columns([(name, str(value)) for name, value in rows if value])
    return "\n\n".join([head, *map(_item, response.get("output") or ())])


def _item(item: dict[str, Any]) -> str:
    kind = item.get("type")
    if kind == "message":
        return f"{item.get('role')}: {plain(text_of(item))}"
    return f"reasoning: {plain(text_of(item))}" if kind == "reasoning" else "\n".join(lines_of(item))
