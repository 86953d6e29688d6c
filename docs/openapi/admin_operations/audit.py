"""``/v1/admin/audit``: the audit log."""

from __future__ import annotations

from typing import Final

from antiphon.audit import KINDS
from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/audit", "GET"): operation(
        "adminListAudit",
        "List who changed what",
        "Lists the entries of the audit log, newest first. It takes the right `audit:read`.",
        "AdminAuditList",
        "unsupported_value",
        paged=True,
        actor=({"type": "string"}, "Only what this user or account did."),
        kind=({"type": "string", "enum": list(KINDS)}, "Only what changed this kind of record."),
        target=({"type": "string"}, "Only what was done to this record, such as `agent:guide`."),
        since=({"type": "integer", "minimum": 0}, "None before this time, in seconds since the epoch."),
    ),
}
