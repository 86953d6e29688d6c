"""The stored records, as frozen values.

``dump`` writes a record as a JSON document, and ``load`` reads and validates it.
"""

from antiphon.records.agents import Agent, AgentCompaction, DeletedAgent, Fallback, Grant
from antiphon.records.documents import dump, load
from antiphon.records.limits import DAY, NO_BUDGET, Budget, Limits, Period
from antiphon.records.people import PUBLIC, SERVER, Account, Actor, Group, Key, Owner, Role, Tenant, User
from antiphon.records.responses import (
    CANCELLED,
    CLOSED,
    DELETED,
    IN_PROGRESS,
    QUEUED,
    RUNNING,
    STRETCH_BYTES,
    Conversation,
    Item,
    StoredResponse,
    Stretch,
    is_said,
    lineage_after,
    without_content,
)
from antiphon.records.runs import LogBatch, OpenRun, Reservation
from antiphon.records.tools import Approval, ServerTool, ToolKind, ToolServer
from antiphon.records.webhooks import EventDelivery, FailedAttempt, Webhook, WebhookSecret

__all__ = [
    "CANCELLED",
    "CLOSED",
    "DAY",
    "DELETED",
    "IN_PROGRESS",
    "NO_BUDGET",
    "PUBLIC",
    "QUEUED",
    "RUNNING",
    "SERVER",
    "STRETCH_BYTES",
    "Account",
    "Actor",
    "Agent",
    "AgentCompaction",
    "Approval",
    "Budget",
    "Conversation",
    "DeletedAgent",
    "EventDelivery",
    "FailedAttempt",
    "Fallback",
    "Grant",
    "Group",
    "Item",
    "Key",
    "Limits",
    "LogBatch",
    "OpenRun",
    "Owner",
    "Period",
    "Reservation",
    "Role",
    "ServerTool",
    "StoredResponse",
    "Stretch",
    "Tenant",
    "ToolKind",
    "ToolServer",
    "User",
    "Webhook",
    "WebhookSecret",
    "dump",
    "is_said",
    "lineage_after",
    "load",
    "without_content",
]
