"""The interfaces of stores, providers, tools and the fetcher of URLs, and the clock.

``bootstrap`` is the only module that names their adapters.
"""

from antiphon.ports.fetching import (
    Door,
    Fetched,
)
from antiphon.ports.models import (
    CALL_STATE,
    ApiKey,
    CitationDelta,
    Delta,
    KeptDelta,
    Medium,
    MessageDelta,
    ModelCall,
    ModelProvider,
    Phase,
    Reads,
    ReasoningDelta,
    ReasoningStateDelta,
    RefusalDelta,
    StopDelta,
    StopReason,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.ports.services import (
    Clock,
    Services,
    StartWorker,
)
from antiphon.ports.stores import (
    ConversationStore,
    Directory,
    KeyStore,
    Meter,
    Opened,
    Page,
    ResponseStore,
    RunStore,
)
from antiphon.ports.tools import (
    Cause,
    Found,
    ToolCall,
    ToolFailure,
    ToolResult,
    ToolRunner,
)

__all__ = [
    "CALL_STATE",
    "ApiKey",
    "Cause",
    "CitationDelta",
    "Clock",
    "ConversationStore",
    "Delta",
    "Directory",
    "Door",
    "Fetched",
    "Found",
    "KeptDelta",
    "KeyStore",
    "Medium",
    "MessageDelta",
    "Meter",
    "ModelCall",
    "ModelProvider",
    "Opened",
    "Page",
    "Phase",
    "Reads",
    "ReasoningDelta",
    "ReasoningStateDelta",
    "RefusalDelta",
    "ResponseStore",
    "RunStore",
    "Services",
    "StartWorker",
    "StopDelta",
    "StopReason",
    "TextDelta",
    "ToolCall",
    "ToolCallDelta",
    "ToolFailure",
    "ToolResult",
    "ToolRunner",
    "UsageDelta",
]
