"""Compiles an OpenAPI document when an agent is applied, and pins the operations that its file names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from antiphon.fetch.egress import EgressError, ToolRequest
from antiphon.ports import Pinned
from antiphon.records import ServerTool, ToolServer
from antiphon.server_tools.aws import signature_problem
from antiphon.server_tools.failures import why
from antiphon.server_tools.http.entry import HttpEntry, HttpSource
from antiphon.server_tools.http.openapi.document import MAX_BYTES, ApiDocument, CannotCompile, read_document
from antiphon.server_tools.http.openapi.operations import (
    Compiled,
    Operation,
    compiled,
    operations,
    wanted_credentials,
)
from antiphon.server_tools.http.openapi.part import part_of
from antiphon.server_tools.pinning import CannotPin, Means, digest_of, host_problem

MAX_OPERATIONS: Final = 100
"""How many operations of one document an agent may have."""
_TOO_LARGE: Final = (
    "what its operations need of the document is too large to be stored with the agent, so `agents show` names the file"
)


async def pin(entry: HttpEntry, means: Means) -> Pinned:
    """Compile the operations that an entry names.

    Raises:
        CannotPin: the document cannot be read, or an operation cannot be compiled.
    """
    source = entry.http
    try:
        document = await _document(source, means)
        found = await asyncio.to_thread(_all_compiled, document, entry)
        written, is_whole = await asyncio.to_thread(_written, document, entry, [operation for operation, _ in found])
    except CannotCompile as error:
        raise CannotPin(f"{source.label}: {error}") from None
    auth = {} if entry.auth is None else entry.auth.wire()
    for server in sorted({result.how["server"] for _, result in found}):
        if problem := host_problem(server, means.settings) or signature_problem(server, auth, means.settings):
            raise CannotPin(f"{source.label}: {problem}")
    tools = _governed(entry, found)
    settings = {"url": found[0][1].how["server"], "entry": written}
    server_record = ToolServer("http", source.label, tools, settings, auth, digest_of(tools))
    notes = [*_notes(document, entry, found), *(() if is_whole else (_TOO_LARGE,))]
    return Pinned(server_record, tuple(f"{source.label}: {note}" for note in notes))


async def _document(source: HttpSource, means: Means) -> ApiDocument:
    if not isinstance(source.openapi, str):
        return ApiDocument(source.openapi)
    if not _is_url(source.openapi):
        return await asyncio.to_thread(read_document, _file(source.openapi, means))
    if problem := host_problem(source.openapi, means.settings):
        raise CannotPin(f"{source.label}: {problem}")
    request = ToolRequest(source.openapi, "GET", {"accept": "application/json, application/yaml, */*;q=0.5"})
    try:
        async with means.client.send({}, request, deadline=means.deadline, max_bytes=MAX_BYTES) as reply:
            if reply.status != HTTPStatus.OK:
                raise CannotPin(f"{source.label}: {source.openapi} answers with status {reply.status}")
            return await asyncio.to_thread(read_document, await reply.read())
    except EgressError as error:
        raise CannotPin(f"{source.label}: {source.openapi}: {why(error)}") from None


def _file(path: str, means: Means) -> bytes:
    if means.read_file is None:
        raise CannotPin(
            f"{path} is a file, which only `antiphon agents apply` reads; use that, a URL or the document itself"
        )
    try:
        content = means.read_file(path)
    except OSError as error:
        raise CannotPin(f"{path}: {error.strerror or 'cannot be read'}") from None
    if len(content) > MAX_BYTES:
        raise CannotPin(f"{path} is larger than {MAX_BYTES} bytes")
    return content


def _written(document: ApiDocument, entry: HttpEntry, found: list[Operation]) -> tuple[dict[str, Any], bool]:
    """Return the entry as it is stored, and whether that needs no file: the document is there in its place."""
    written, source = entry.written(), entry.http.openapi
    if not isinstance(source, str) or _is_url(source):
        return written, True
    part = part_of(document, found)
    if part is not None:
        written["http"]["openapi"] = part
    return written, part is not None


def _is_url(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https")


def _chosen(document: ApiDocument, source: HttpSource) -> list[Operation]:
    """Return the operations that are named, in the order of the document."""
    every = list(operations(document))
    if source.operations is None:
        found = every
    else:
        wanted = set(source.operations)
        found = [operation for operation in every if operation.names & wanted]
        if missing := sorted(wanted.difference(*(operation.names for operation in found))):
            there = ", ".join(operation.name for operation in every[:20]) or "none"
            raise CannotPin(f"{source.label}: there is no operation {missing[0]}; the first ones are {there}")
    if not found or len(found) > MAX_OPERATIONS:
        problem = f"the document has {len(found)} operations, and an agent may have 1 to {MAX_OPERATIONS}"
        raise CannotPin(f"{source.label}: {problem}: name those that it needs in `operations`")
    return found


def _all_compiled(document: ApiDocument, entry: HttpEntry) -> list[tuple[Operation, Compiled]]:
    """Compile what an entry names, which takes seconds for the largest documents."""
    source, filled = entry.http, _filled_by(entry)
    base = source.openapi if isinstance(source.openapi, str) and _is_url(source.openapi) else ""
    chosen = _chosen(document, source)
    return [(operation, compiled(document, operation, base, source.url, filled)) for operation in chosen]


def _filled_by(entry: HttpEntry) -> frozenset[str]:
    """Return the parameters that credentials fill, so that no model is asked for them."""
    auth = entry.auth
    ways = () if auth is None else (auth.header, auth.query)
    return frozenset(way.name.lower() for way in ways if way is not None)


def _governed(entry: HttpEntry, found: list[tuple[Operation, Compiled]]) -> tuple[ServerTool, ...]:
    """Return the operations as tools, with the entry's settings for them. An entry may use the document's own names."""
    tools = [ServerTool(named.name, made.description, made.parameters, how=made.how) for named, made in found]
    names = {name: operation.name for operation, _ in found for name in operation.names}
    approve = {names.get(name, name): approval for name, approval in entry.approve.items()}
    safe = [names.get(name, name) for name in entry.safe_to_repeat]
    try:
        return entry.model_copy(update={"approve": approve, "safe_to_repeat": safe}).governed(tools)
    except ValueError as error:
        raise CannotPin(f"{entry.http.label}: {error}") from None


def _notes(document: ApiDocument, entry: HttpEntry, found: list[tuple[Operation, Compiled]]) -> Iterator[str]:
    for operation, result in found:
        yield from (f"{operation.name}: {note}" for note in result.notes)
    if entry.auth is None:
        wanted = sorted({name for operation, _ in found for name in wanted_credentials(document, operation)})
        if wanted:
            yield f"the document asks for {', '.join(wanted)}, and the entry has no `auth`"
