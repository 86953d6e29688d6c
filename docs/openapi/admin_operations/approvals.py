"""``/v1/admin/approvals``: calls that wait for a decision."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/approvals", "GET"): operation(
        "adminListApprovals",
        "List calls that wait",
        "Lists the calls of tools that wait for an approval, oldest first.",
        "AdminApprovalList",
        "approval_not_found",
        paged=True,
    ),
    ("/v1/admin/approvals/{id}", "GET"): operation(
        "adminShowApproval",
        "Read an approval",
        "Returns the approval.",
        "AdminApproval",
        "approval_not_found",
        of="The approval's id.",
    ),
    ("/v1/admin/approvals/{id}", "POST"): operation(
        "adminDecideApproval",
        "Approve or deny a call",
        "Decides in place of whoever the agent names. A worker goes on with the response within a minute.",
        "AdminApproval",
        "approval_not_found approval_decided approval_expired",
        of="The approval's id.",
        body="ApprovalDecision",
        example={"decision": "approve"},
    ),
}
