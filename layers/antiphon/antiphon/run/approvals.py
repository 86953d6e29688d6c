"""Calls of tools that somebody has to approve first.

    asked      the response stores the calls, ends as completed, and its text names them
    decided    by its caller in a next request, or by a principal that the agent names, who is never the caller
    called     by the next response: with the arguments that were stored, once, if the tool is still the same

The decision of another principal starts a background response, which continues the one that asked. A client's items
decide nothing but yes or no: what is called is read from the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from antiphon.errors import ApiError, StorageUnavailable
from antiphon.ids import parse_item_id
from antiphon.ports import Services
from antiphon.records import DAY, Actor, Approval, Item, OpenRun, ServerTool, StoredResponse, ToolServer, dump
from antiphon.run.asked import asked_by, is_asked, is_ready, read_approvals, withdraw
from antiphon.tools.narrowing import BY_CALLER
from antiphon.tools.table import ToolTable

if TYPE_CHECKING:
    from antiphon.access.principal import Principal
    from antiphon.run.run_request import RunRequest
    from antiphon.spec.request import CreateResponse

VALID_SECONDS: Final = 7 * DAY
"""How long a call waits for a decision."""

WAITS: Final = "This needs an approval before it is done: {calls}."
WAITS_FOR_CALLER: Final = "I need your approval before I do this: {calls}."
DENIED: Final = "The call was not approved, and the tool was not called."
EXPIRED: Final = "Nobody decided on the call before its approval expired, so the tool was not called."
USED: Final = "This approval was used before, so the tool was not called."
CHANGED: Final = "The tool has changed since the approval was asked for, so it was not called."


_OF_ONE_REQUEST: Final = frozenset({"input", "stream", "stream_options"})


def digest_of(server: ToolServer, tool: ServerTool) -> str:
    """Return what identifies a tool as it was pinned: SHA-256, hexadecimal."""
    own = replace(server, tools=(replace(tool, approval=None),))
    return hashlib.sha256(dump(own)).hexdigest()


def waiting_text(approvals: Sequence[Approval]) -> str:
    """Return the text of a response that waits for approvals."""
    calls = ", ".join(f"`{approval.tool}` of {approval.label}" for approval in approvals)
    by_caller = all(approval.by == BY_CALLER for approval in approvals)
    return (WAITS_FOR_CALLER if by_caller else WAITS).format(calls=calls)


def decided(approval: Approval, *, approve: bool, by: str, reason: str, now: float) -> Approval:
    """Return an approval with a decision."""
    return replace(
        approval,
        state="approved" if approve else "denied",
        decided_by=by,
        decided_at=int(now),
        reason=reason,
        revision=approval.revision + 1,
    )


async def decide(services: Services, approval: Approval, *, approve: bool, by: Actor, reason: str) -> Approval:
    """Store a decision, with a note for a worker: it goes on with the response if nobody does before.

    The audit log notes it first, so that no decision is without its entry.

    The same decision can be sent again. If it could not go on before, it is tried anew.

    Args:
        services: the adapters.
        approval: as it was read; who decides may do so.
        approve: the tool is called; if not, the model reads that it was not.
        by: who decides.
        reason: for the model, if it is not approved.

    Raises:
        ApiError: 409 ``approval_decided`` or ``approval_expired``; 404: its response was deleted meanwhile.
        StorageUnavailable: a store did not answer.
    """
    now = services.clock()
    if approval.state != ("approved" if approve else "denied"):
        require_pending(approval, now)
        before, approval = approval, decided(approval, approve=approve, by=by.user, reason=reason, now=now)
        tenant, target = approval.owner.tenant, f"approval:{approval.id}"
        action = f"approval.{approval.state}"
        await services.audit.note(tenant, by, action, target, _noted(before), _noted(approval))
        await services.runs.open(OpenRun(approval.owner, approval.response_id, now))
        if not await services.approvals.save(approval):
            gone = await services.approvals.get(tenant, approval.id) is None
            raise ApiError("approval_not_found" if gone else "approval_decided")
    elif approval.failure and not approval.used_by:
        approval = replace(approval, failure="", revision=approval.revision + 1)
        await services.approvals.save(approval)
    if not approval.used_by:  # once more: a worker that came before the decision was stored may have removed the note
        await services.runs.open(OpenRun(approval.owner, approval.response_id, services.clock()))
    return approval


def _noted(approval: Approval) -> dict[str, Any]:
    """Return what the audit log has of an approval: never the arguments of the call."""
    call = {"user": approval.owner.user, "agent": approval.agent, "tool": f"{approval.label}__{approval.tool}"}
    return {**call, "state": approval.state, "reason": approval.reason}


def not_by_caller(approval: Approval) -> str:
    """Return why the caller may not decide on an approval."""
    return (
        f"The caller cannot decide on this call: the agent requires {approval.by}, and somebody else than the caller."
    )


def require_pending(approval: Approval, now: float, param: str | None = None) -> None:
    """Check that an approval can be decided.

    Raises:
        ApiError: 409 ``approval_decided`` or ``approval_expired``.
    """
    if approval.state in {"approved", "denied"}:
        raise ApiError("approval_decided", param=param)
    if approval.expires_at <= now:
        raise ApiError("approval_expired", param=param)


async def answered(services: Services, run: RunRequest) -> list[dict[str, Any]]:
    """Return the caller's decisions that a request brings, as they are stored with its response.

    Decisions in the middle of a conversation that a client sends whole are of earlier turns, and were used there.

    Raises:
        ApiError: 400 or 409: a decision cannot be taken.
    """
    principal, request = run.principal, run.body
    calls: list[dict[str, Any]] = []
    for index, item in _decisions(request):
        param = f"input[{index}].approval_request_id"
        approval = await services.approvals.get(principal.tenant, item["approval_request_id"])
        mine = approval is not None and approval.owner == principal.owner and approval.agent == request.model
        if approval is None or not mine or not await is_asked(services, approval):
            raise ApiError("approval_not_found", param=param)
        if approval.by != BY_CALLER:
            raise ApiError("permission_denied", not_by_caller(approval), param=param, complete=True)
        require_pending(approval, services.clock(), param)
        if any(call["approval"] == approval.id for call in calls):
            raise ApiError("approval_decided", "The input decides on this approval twice.", param=param)
        calls.append({"approval": approval.id, "approve": item["approve"], "reason": item.get("reason", "")})
    if calls and not request.store:
        message = "A request that decides on an approval needs `store: true`."
        raise ApiError("unsupported_parameter", message, param="store", complete=True)
    return [*await _decided_beside(services, principal, [call["approval"] for call in calls]), *calls]


async def _decided_beside(services: Services, principal: Principal, answered: list[str]) -> list[dict[str, Any]]:
    """Return the calls that others have decided, which are made together with those that a caller answers."""
    found: list[dict[str, Any]] = []
    for response_id in dict.fromkeys(place[0] for place in map(parse_item_id, answered) if place):
        asking = await services.responses.get(principal.owner, response_id, services.clock())
        beside = [asked for asked in asked_by(asking) if asked not in answered] if asking is not None else []
        read = await read_approvals(services, principal.tenant, beside)
        found += [{"approval": approval.id} for approval in read if is_ready(approval, services.clock())]
    return found


def _decisions(request: CreateResponse) -> list[tuple[int, Item]]:
    """Return the decisions behind the last item that a model made, each with its place in the input."""
    found: list[tuple[int, Item]] = []
    items = request.input if isinstance(request.input, list) else []
    for index in range(len(items) - 1, -1, -1):
        kind, role = getattr(items[index], "type", ""), getattr(items[index], "role", "")
        if kind == "mcp_approval_response":
            found.append((index, items[index].wire()))
        elif role != "user":
            break
    return found[::-1]


async def taken(
    services: Services, record: StoredResponse, call: dict[str, Any], table: ToolTable
) -> tuple[Approval, str | None] | None:
    """Take an approval for the one response that may use it.

    Return it, and why the tool may not be called, or None; nothing if there is no such approval any more.

    Args:
        services: the adapters.
        record: the response.
        call: as ``answered`` returns it; without ``approve`` the decision is stored.
        table: the tools as the agent has them now.

    Raises:
        StorageUnavailable: the store did not answer.
    """
    approval = await services.approvals.get(record.owner.tenant, call["approval"])
    if approval is None:
        return None
    if approval.used_by != record.id:
        used = _used(approval, record, call, services.clock())
        if used is None or not await services.approvals.save(used):
            return approval, USED
        approval = used
    return approval, _refusal(approval, table)


def _used(approval: Approval, record: StoredResponse, call: dict[str, Any], now: float) -> Approval | None:
    """Return an approval as the response uses it, with the caller's decision if it brings one; None if it may not."""
    if approval.used_by:
        return None
    if "approve" not in call:
        state = "expired" if approval.state == "pending" else approval.state
        return replace(approval, state=state, used_by=record.id, revision=approval.revision + 1)
    if approval.state != "pending":
        return None
    user = record.owner.user
    return replace(
        decided(approval, approve=call["approve"], by=user, reason=call["reason"], now=now), used_by=record.id
    )


def _refusal(approval: Approval, table: ToolTable) -> str | None:
    """Return why the tool may not be called; None if it may."""
    if approval.state == "expired":
        return EXPIRED
    if approval.state != "approved":
        return " ".join(filter(None, [DENIED, approval.reason]))
    tool = table.find("mcp", approval.tool, approval.label)
    if tool is None or tool.server is None or tool.pinned is None:
        return CHANGED
    return None if digest_of(tool.server, tool.pinned) == approval.digest else CHANGED


async def save_all(services: Services, approvals: Sequence[Approval]) -> None:
    """Store what is asked for: all of it, or nothing as far as the store can remove it again.

    Raises:
        StorageUnavailable: something was not stored.
    """
    saved = await asyncio.gather(*map(services.approvals.save, approvals), return_exceptions=True)
    if all(stored is True for stored in saved):
        return
    await withdraw_all(services, approvals)
    failed = [error for error in saved if isinstance(error, BaseException)]
    raise failed[0] if failed else StorageUnavailable("there is another approval of this id")


async def withdraw_all(services: Services, approvals: Sequence[Approval]) -> None:
    """Remove what was never asked of anybody, if the store answers: else it goes when it expires."""
    with contextlib.suppress(StorageUnavailable):
        for approval in approvals:
            await withdraw(services, approval.owner.tenant, [approval.id])


def continuation(approval: Approval) -> dict[str, Any]:
    """Return the request that continues a response when its approvals are decided."""
    asked = {name: value for name, value in approval.job["request"].items() if name not in _OF_ONE_REQUEST}
    if "conversation" not in asked:
        asked["previous_response_id"] = approval.response_id
    return {**asked, "background": True, "store": True}
