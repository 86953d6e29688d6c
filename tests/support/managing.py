"""The operations of management as one table: what each asks over HTTP, what it needs, and its command."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx2

from antiphon.access import keys
from antiphon.access.rights import ALL
from antiphon.ids import first_response_id
from antiphon.records import (
    Agent,
    Approval,
    Grant,
    Group,
    Limits,
    Owner,
    Role,
    StoredResponse,
    Tenant,
    User,
    Webhook,
    WebhookSecret,
)

if TYPE_CHECKING:
    from tests.support.service import Service

DAY = 86_400


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        method, path: with the names of what ``stage`` makes in braces.
        rights: every right that it needs.
        body: what is sent.
        own: whether a user with an ordinary key and all features may do it to what is their own.
        command: the words of the command line that does the same; empty if there is none.
    """

    name: str
    method: str
    path: str
    rights: tuple[str, ...]
    body: dict[str, Any] | None = None
    own: bool = False
    command: tuple[str, ...] = ()

    def request(self, staged: dict[str, str], **headers: str) -> dict[str, Any]:
        """Return the arguments of the request."""
        body = None if self.body is None else {name: _filled(value, staged) for name, value in self.body.items()}
        return {"method": self.method, "url": self.path.format_map(staged), "json": body, "headers": headers}

    def words(self, staged: dict[str, str]) -> list[str]:
        """Return the words of the command."""
        return [word.format_map(staged) for word in self.command]


def _filled(value: Any, staged: dict[str, str]) -> Any:
    return value.format_map(staged) if isinstance(value, str) else value


def _operation(name: str, right: str, method: str, path: str, **more: Any) -> Operation:
    return Operation(name, method, f"/v1/admin/{path}", tuple(right.split()), **more)


AGENT = {"provider": "demo", "model": "demo"}

OPERATIONS = [
    _operation("list agents", "agents:read", "GET", "agents", own=True, command=("agents", "list")),
    _operation("create an agent", "agents:write", "POST", "agents", body={**AGENT, "author": "{user}"}, own=True),
    _operation(
        "show an agent", "agents:read", "GET", "agents/{agent}", own=True, command=("agents", "show", "{agent}")
    ),
    _operation("change an agent", "agents:write", "PUT", "agents/{agent}", body=AGENT, own=True),
    _operation(
        "delete an agent",
        "agents:write",
        "DELETE",
        "agents/{agent}",
        own=True,
        command=("agents", "delete", "--yes", "{agent}"),
    ),
    _operation(
        "list the versions of an agent",
        "agents:read",
        "GET",
        "agents/{agent}/versions",
        own=True,
        command=("agents", "history", "{agent}"),
    ),
    _operation(
        "show a version of an agent",
        "agents:read",
        "GET",
        "agents/{agent}/versions/1",
        own=True,
        command=("agents", "show", "{agent}", "--version", "1"),
    ),
    _operation(
        "roll an agent back",
        "agents:write",
        "POST",
        "agents/{agent}/rollback",
        body={"version": 1},
        own=True,
        command=("agents", "rollback", "{agent}", "1"),
    ),
    _operation("list deleted agents", "agents:read", "GET", "deleted-agents", command=("agents", "list", "--deleted")),
    _operation(
        "restore an agent",
        "agents:write",
        "POST",
        "deleted-agents/{deleted}/restore",
        own=True,
        command=("agents", "restore", "{deleted}"),
    ),
    _operation(
        "list grants", "agents:read", "GET", "agents/{agent}/grants", own=True, command=("grants", "list", "{agent}")
    ),
    _operation(
        "grant",
        "agents:write",
        "PUT",
        "agents/{agent}/grants/group:{group}",
        body={"level": "viewer"},
        own=True,
        command=("grants", "add", "{agent}", "group:{group}", "viewer"),
    ),
    _operation(
        "take a grant back",
        "agents:write",
        "DELETE",
        "agents/{agent}/grants/public",
        own=True,
        command=("grants", "remove", "--yes", "{agent}", "public"),
    ),
    _operation("show the tools of an agent", "agents:read", "GET", "agents/{agent}/tools", own=True),
    _operation(
        "explain access",
        "agents:read people:read",
        "GET",
        "agents/{agent}/why?user={user}",
        command=("grants", "why", "{agent}", "{user}"),
    ),
    _operation("list keys", "keys:read", "GET", "keys", command=("keys", "list")),
    _operation(
        "list the keys of a user",
        "keys:read",
        "GET",
        "keys?user={user}",
        own=True,
        command=("keys", "list", "--user", "{user}"),
    ),
    _operation(
        "create a key",
        "keys:write",
        "POST",
        "keys",
        body={"user": "{user}"},
        own=True,
        command=("keys", "create", "--user", "{user}"),
    ),
    _operation("show a key", "keys:read", "GET", "keys/{key}", own=True),
    _operation(
        "limit a key",
        "keys:write",
        "PUT",
        "keys/{key}/limits",
        body={"tokens_per_day": 1000},
        command=("keys", "limit", "{key}", "--tokens-per-day", "1000"),
    ),
    _operation("list usage", "usage:read", "GET", "usage?by=agent", command=("usage", "--by", "agent")),
    _operation(
        "show the usage of a user",
        "usage:read",
        "GET",
        "usage/days?by=user&of={user}",
        own=True,
        command=("usage", "--by", "user", "--of", "{user}"),
    ),
    _operation("show the limits of a user", "usage:read", "GET", "usage/limits?by=user&of={user}", own=True),
    _operation(
        "revoke a key", "keys:write", "DELETE", "keys/{key}", own=True, command=("keys", "revoke", "--yes", "{key}")
    ),
    _operation("list users", "people:read", "GET", "users", command=("users", "list")),
    _operation("show a user", "people:read", "GET", "users/{user}", command=("users", "show", "{user}")),
    _operation(
        "change a user",
        "people:write",
        "PUT",
        "users/{user}",
        body={"name": "Bob"},
        command=("users", "put", "{user}", "--name", "Bob"),
    ),
    _operation("show the limits of one user", "limits:read", "GET", "users/{user}/limits"),
    _operation(
        "limit a user",
        "limits:write",
        "PUT",
        "users/{user}/limits",
        body={"tokens_per_day": 1000},
        command=("users", "limit", "{user}", "--tokens-per-day", "1000"),
    ),
    _operation(
        "delete a user", "people:write", "DELETE", "users/{idle}", command=("users", "delete", "--yes", "{idle}")
    ),
    _operation(
        "export a user",
        "people:read keys:read agents:read limits:read usage:read responses:read content:read approvals:read "
        "audit:read",
        "GET",
        "users/{user}/export",
        own=True,
        command=("users", "export", "{user}"),
    ),
    _operation(
        "erase a user",
        "people:write responses:write",
        "POST",
        "users/{idle}/erase",
        body={},
        command=("users", "erase", "--yes", "{idle}"),
    ),
    _operation(
        "erase a user with agents",
        "people:write responses:write agents:write",
        "POST",
        "users/{user}/erase",
        body={"agents": "delete"},
        command=("users", "erase", "--yes", "{user}", "--agents", "delete"),
    ),
    _operation("list roles", "people:read", "GET", "roles", command=("roles", "list")),
    _operation("show a role", "people:read", "GET", "roles/{role}", command=("roles", "show", "{role}")),
    _operation(
        "change a role",
        "people:write",
        "PUT",
        "roles/{role}",
        body={"permissions": []},
        command=("roles", "put", "{role}", "--no-permissions"),
    ),
    _operation(
        "limit a role", "people:write limits:write", "PUT", "roles/{role}", body={"limits": {"retention_days": 1}}
    ),
    _operation(
        "delete a role", "people:write", "DELETE", "roles/{role}", command=("roles", "delete", "--yes", "{role}")
    ),
    _operation("list groups", "people:read", "GET", "groups", command=("groups", "list")),
    _operation("show a group", "people:read", "GET", "groups/{group}"),
    _operation(
        "change a group",
        "people:write",
        "PUT",
        "groups/{group}",
        body={"name": "Staff"},
        command=("groups", "put", "{group}", "--name", "Staff"),
    ),
    _operation(
        "delete a group", "people:write", "DELETE", "groups/{group}", command=("groups", "delete", "--yes", "{group}")
    ),
    _operation("list approvals", "approvals:read", "GET", "approvals", command=("approvals", "list")),
    _operation("show an approval", "approvals:read", "GET", "approvals/{approval}"),
    _operation(
        "approve a call",
        "approvals:write",
        "POST",
        "approvals/{approval}",
        body={"decision": "approve"},
        command=("approvals", "approve", "{approval}"),
    ),
    _operation(
        "deny a call",
        "approvals:write",
        "POST",
        "approvals/{approval}",
        body={"decision": "deny", "reason": "No."},
        command=("approvals", "deny", "{approval}"),
    ),
    _operation("show the tenant", "limits:read", "GET", "tenant", command=("tenants", "show")),
    _operation(
        "limit the tenant", "limits:write", "PUT", "tenant", body={"limits": {}}, command=("tenants", "put", "default")
    ),
    _operation("list webhooks", "webhooks:read", "GET", "webhooks", command=("webhooks", "list")),
    _operation(
        "create a webhook",
        "webhooks:write",
        "POST",
        "webhooks",
        body={"url": "https://example.com/hook"},
        command=("webhooks", "create", "https://example.com/hook"),
    ),
    _operation(
        "show a webhook", "webhooks:read", "GET", "webhooks/{webhook}", command=("webhooks", "show", "{webhook}")
    ),
    _operation(
        "change the secret of a webhook",
        "webhooks:write",
        "POST",
        "webhooks/{webhook}/rotate",
        body={"keep_old": True},
        command=("webhooks", "rotate", "--keep-old", "{webhook}"),
    ),
    _operation("test a webhook", "webhooks:write", "POST", "webhooks/{webhook}/test"),
    _operation(
        "delete a webhook",
        "webhooks:write",
        "DELETE",
        "webhooks/{webhook}",
        command=("webhooks", "delete", "--yes", "{webhook}"),
    ),
    _operation(
        "list what never reached a webhook",
        "webhooks:read",
        "GET",
        "failed-deliveries",
        command=("webhooks", "failures"),
    ),
    _operation("list who changed what", "audit:read", "GET", "audit", command=("audit",)),
    _operation(
        "list responses",
        "responses:read",
        "GET",
        "users/{user}/responses",
        own=True,
        command=("user-responses", "list", "{user}"),
    ),
    _operation(
        "show a response",
        "responses:read",
        "GET",
        "users/{user}/responses/{response}",
        own=True,
        command=("user-responses", "show", "{user}", "{response}"),
    ),
    _operation(
        "read what a response says",
        "content:read",
        "GET",
        "users/{user}/responses/{response}/content",
        own=True,
        command=("user-responses", "show", "{user}", "{response}", "--content"),
    ),
    _operation(
        "cancel a response",
        "responses:write",
        "POST",
        "users/{user}/responses/{response}/cancel",
        own=True,
        command=("user-responses", "cancel", "{user}", "{response}"),
    ),
    _operation(
        "delete a response",
        "responses:write",
        "DELETE",
        "users/{user}/responses/{response}",
        own=True,
        command=("user-responses", "delete", "--yes", "{user}", "{response}"),
    ),
]


class Office:
    """Makes what operations work on, and keys to do them with.

    Args:
        service: where.
        tenant: whose.
    """

    def __init__(self, service: Service, tenant: str = "default") -> None:
        self._service = service
        self._tenant = tenant
        self._count = 0

    def stage(self, user: str = "") -> dict[str, str]:
        """Make one record of each kind, all new, and return their ids; the user holds all that a user can hold."""
        self._count += 1
        names = {kind: f"{kind}-{self._tenant}-{self._count}" for kind in ("agent", "deleted", "group", "role", "idle")}
        user = user or f"user-{self._count}"
        for record in (
            Group(self._tenant, names["group"]),
            Role(self._tenant, names["role"], frozenset({"USE"})),
            User(self._tenant, names["idle"]),
            User(self._tenant, user, role="FREE"),
            Role(self._tenant, "FREE", frozenset({"USE", "CREATE", "SHARE", "SHARE_PUBLIC"})),
            Tenant(self._tenant, Limits(retention_days=3000)),
        ):
            self._service.put(record)
        self._service.run(self._agent(names["agent"], user))
        self._service.run(self._agent(names["deleted"], user))
        self._service.run(self._service.directory.delete_agent(self._tenant, names["deleted"]))
        key = self.key(user)
        return {
            **names,
            "user": user,
            "key": key_id(key),
            **self.response(user, names["agent"]),
            "webhook": self._webhook(),
            "secret": key,
        }

    def operator(self, *rights: str, **more: Any) -> str:
        """Return a management key with some rights."""
        self._count += 1
        role, user = f"HOLDER{self._count}", f"holder-{self._count}"
        held = frozenset({"USE", "CREATE", "SHARE", "SHARE_PUBLIC"})
        self._service.put(Role(self._tenant, role, held, manage=ALL if rights == ("all",) else frozenset(rights)))
        self._service.put(User(self._tenant, user, role=role))
        return self.key(user, management=True, **more)

    def key(self, user: str, *, management: bool = False, **more: Any) -> str:
        """Return a key of a user."""
        make = keys.make_management_key if management else keys.make_key
        text = make("test", secrets.token_bytes)
        now = int(self._service.clock())
        record = keys.record(text, tenant=self._tenant, user=user, now=now, management=management, **more)
        self._service.run(self._service.keys.add(record))
        return text

    def ask(self, key: str, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Send a request with a key."""
        headers = {"authorization": f"Bearer {key}"}
        return self._service.client.request(method, f"/v1/admin/{path}", json=body, headers=headers)

    def do(self, operation: Operation, key: str, staged: dict[str, str]) -> httpx2.Response:
        """Do an operation with a key."""
        return self._service.client.request(**operation.request(staged, authorization=f"Bearer {key}"))

    async def _agent(self, agent: str, user: str) -> None:
        for instructions in ("Be brief.", "Be kind."):
            record = Agent(self._tenant, agent, "demo", "demo", author=user, instructions=instructions)
            await self._service.directory.put_agent(record)
        await self._service.directory.put(Grant(self._tenant, agent, "public", 1))

    def _webhook(self) -> str:
        """Keep one webhook of the tenant, for it may have few; its host is refused before anything is sent."""
        webhooks = self._service.services.webhooks()
        for old in self._service.run(webhooks.list_all(self._tenant)):
            self._service.run(webhooks.delete(self._tenant, old.id))
        made = webhook(self._tenant, f"we_{self._tenant}_{self._count}")
        self._service.run(webhooks.put(made))
        return made.id

    def running(self, user: str, agent: str = "agent") -> StoredResponse:
        """Return a response of a user that runs."""
        now = int(self._service.clock())
        new = first_response_id(secrets.token_bytes)
        resource = {"id": new, "status": "in_progress", "previous_response_id": None, "output": [], "background": False}
        turn = StoredResponse(
            Owner(self._tenant, user), new, agent, "in_progress", now, now + DAY, "lease", now + 60, (), [], resource
        )
        self._service.run(self._service.responses.claim(turn))
        return turn

    def response(self, user: str, agent: str = "agent") -> dict[str, str]:
        """Store a response that waits for an approval; return the ids of both."""
        turn = self.running(user, agent)
        asked = waiting(turn.owner, int(self._service.clock()), turn.id)
        ended = {**turn.response, "status": "completed", "output": [_said("Paris.")], "usage": None, "error": None}
        self._service.run(self._service.responses.commit(asking(turn, asked, ended)))
        self._service.run(self._service.approvals.save(asked))
        return {"response": turn.id, "approval": asked.id}


def asking(turn: StoredResponse, asked: Approval, resource: dict[str, Any]) -> StoredResponse:
    """Return a response as it ends that waits for an approval."""
    shown = {"antiphon": {"approvals": [{"id": asked.id}]}}
    return replace(turn, status="completed", response={**resource, **shown})


def waiting(owner: Owner, now: int, response_id: str) -> Approval:
    """Return a call that waits for an approval."""
    own, times = f"mcpr_{secrets.token_hex(8)}", {"created_at": now, "expires_at": now + DAY}
    call = {"label": "crm", "tool": "update", "arguments": "{}", "digest": "d", "by": "role:MANAGER"}
    return Approval(owner, own, response_id, "agent", **call, **times, job={})


def webhook(tenant: str, id: str) -> Webhook:
    """Return a webhook on a private host, to which nothing is ever sent."""
    return Webhook(tenant, id, "http://127.0.0.1/hook", ("response.failed",), (WebhookSecret("whsec_QUJD"),), 1, 1)


def key_id(key: str) -> str:
    """Return the public name of a key."""
    return "key_" + keys.digest(key)[:16]


def _said(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
