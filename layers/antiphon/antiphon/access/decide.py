"""The decision: may this caller do this? Yes or no, with the public code and the reason. Pure; time is an argument.

The chain is LibreChat's: key -> user -> the role's feature permission -> the agent's own access list. The reason goes
to the audit log, never to the caller. Listing and checking use one rule, and invisible equals absent: both are
``model_not_found``.
"""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.access.grants import VIEW
from antiphon.access.principal import Principal
from antiphon.access.roles import USE
from antiphon.records import Agent, Key, Limits


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer.

    Attributes:
        code: a key of ``errors.CODES``, if the answer is no.
        reason: for the audit log only.
    """

    allowed: bool
    code: str | None
    reason: str


def key_state(key: Key, now: float) -> Decision:
    """Decide whether a stored key can be used at a time in seconds since the epoch.

    A revocation holds whatever its time: the clock that wrote it may be ahead of this one.
    """
    if key.revoked_at is not None:
        return _no("key_revoked", f"{key.id} was revoked at {key.revoked_at}")
    if key.expires_at is not None and key.expires_at <= now:
        return _no("key_expired", f"{key.id} expired at {key.expires_at}")
    return _yes(f"{key.id} is neither revoked nor expired")


def may_use(principal: Principal, *, write: bool) -> Decision:
    """Decide whether the caller may use the API at all; ``write`` is for what creates, cancels or deletes."""
    if USE not in principal.permissions:
        return _no("permission_denied", f"role {principal.role} lacks {USE}")
    if write and principal.read_only:
        return _no("read_only_key", f"{principal.key_id} is read-only")
    return _yes(f"role {principal.role} has {USE}")


def may_view(principal: Principal, agent: str, bits: int) -> Decision:
    """Decide whether an agent exists for the caller, who holds ``bits`` on it: the OR over all of its principals."""
    if principal.key_agents is not None and agent not in principal.key_agents:
        return _no("model_not_found", f"{principal.key_id} is not for agent {agent}")
    if not bits & VIEW:
        return _no("model_not_found", f"user {principal.user} has bits {bits} on agent {agent}, without VIEW")
    return _yes(f"user {principal.user} has VIEW on agent {agent}")


def may_address(principal: Principal, agent: Agent, bits: int) -> Decision:
    """Decide whether an agent exists for the caller with what it runs on: VIEW, and an allowed provider and model.

    The one rule behind listing, retrieving and running.
    """
    view = may_view(principal, agent.id, bits)
    if not view.allowed:
        return view
    limits = principal.limits
    if limits.providers is not None and agent.provider not in limits.providers:
        return _no("model_not_found", f"the configuration does not allow provider {agent.provider}")
    if limits.models is not None and agent.model not in limits.models:
        return _no("model_not_found", f"the configuration does not allow model {agent.model}")
    return view


def allows(limits: Limits, provider: str, model: str) -> bool:
    """Decide whether a configuration allows a provider and a model."""
    allowed = ((limits.providers, provider), (limits.models, model))
    return all(names is None or name in names for names, name in allowed)


def may_run(principal: Principal, agent: Agent, bits: int) -> Decision:
    """Decide whether the caller may create a response with an agent: it may write, and the agent exists for it."""
    use = may_use(principal, write=True)
    return may_address(principal, agent, bits) if use.allowed else use


def _yes(reason: str) -> Decision:
    return Decision(allowed=True, code=None, reason=reason)


def _no(code: str, reason: str) -> Decision:
    return Decision(allowed=False, code=code, reason=reason)
