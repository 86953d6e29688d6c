"""The routes of the OpenAPI document: their texts, examples and error codes.

Plain data.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from antiphon.spec.include import Included
from docs.openapi.admin_operations import ADMIN
from docs.openapi.codes import ADDED, BODY, CHAINED, CREATING, HELD, KEYED, PREPARING, QUERIED
from docs.openapi.operation import JSON, Operation
from docs.openapi.samples import (
    APPROVAL,
    APPROVALS,
    CANCELLED,
    CHAT_CHUNK,
    CHAT_COMPLETION,
    CHAT_EXAMPLES,
    COMPACTED,
    COMPACTION,
    CONVERSATION,
    CONVERSATION_CHANGED,
    CONVERSATION_DELETED,
    CONVERSATION_ITEM,
    CONVERSATION_ITEMS,
    COUNTED,
    DECISION,
    DELETED,
    EXAMPLES,
    INPUT_ITEMS,
    INPUT_TOKENS,
    MODEL,
    MODELS,
    NEW_CONVERSATION,
    NEW_ITEMS,
    RESPONSE,
    TEXT_DELTA,
)

_CREATE: Final = """\
Runs an agent and returns its response: as one JSON body or, with `stream: true`, as server-sent events.

Each event is one frame: `event: TYPE`, `data: JSON` and an empty line; `TYPE` is the `type` of the JSON. A stream
begins with `response.created` and `response.in_progress`. Each item of the output follows, from
`response.output_item.added` to `response.output_item.done`. It ends with exactly one of `response.completed`,
`response.incomplete` and `response.failed` (after an `error` event), then `data: [DONE]`. During silence the comment
`: ping` is sent. After a stream has begun, an error is sent as an event, because the status can no longer change.

With `background: true` the response is returned at once as `queued`, and a worker runs it; read it until it has ended.
Its stream, if you ask for one, has `response.queued` after `response.created`. A user who has too many of them gets 429
`too_many_queued`.

No field is silently ignored: a field that is unknown or not supported is refused with 400. For an optional field, null
means absent. Tools that only OpenAI's own service runs are left out of what the model is offered; their types are in
`antiphon.tools_left_out` and in the header `x-antiphon-tools-left-out`."""

_AGAIN: Final = """\
Makes it safe to send the request again for 24 hours. The same key with the same body runs once; later requests get the
same answer, or its stream rebuilt. A request that was refused, or whose run failed, runs again. The header has no
effect with `store: false`, because nothing is stored."""

_IDEMPOTENCY_KEY: Final = ({"type": "string", "pattern": "^[ -~]{1,255}$"}, _AGAIN)

_RETRIEVE: Final = """\
Returns the stored response. With `stream=true`, returns it as a stream of events.

The events are those of the first stream, with the same numbers and the same deltas, however often they are read. A
response that is still running is followed live. With `starting_after`, the events up to and including that number are
left out; a number past the end leaves `[DONE]` alone. If the connection ends without `[DONE]`, read again from the last
number that you have.

If the deployment does not log the events of running responses (`RunLog`), a stream of one that is still running is
409 `response_in_progress`."""

_CANCEL: Final = """\
Ends a running response. It keeps its items so far; an open item becomes `incomplete`.

A response that was cancelled is returned unchanged, so you can safely call this again. A background response that ended
otherwise is 400 `response_ended`; any other is returned unchanged. If a response has not ended after some seconds, it
is returned as `in_progress`."""

_ITEMS: Final = """\
Lists all items that were used to generate the response, page by page: those of the turns before it, then its own input.
If two items have the same id, only the first is listed."""

OWN: Final = {"description": "The `id` of a response that you created."}

_INCLUDE: Final[tuple[dict[str, Any], str]] = (
    {
        "type": "array",
        "items": {"enum": list(get_args(Included))},
    },
    "Changes nothing: whatever the request had stored is always shown. `include[]` is the same.",
)

CONVERSATION_OWN: Final = {"description": "The `id` of a conversation that you created."}
APPROVAL_OWN: Final = {"description": "The `id` of an approval."}
ITEM_OWN: Final = {"description": "The `id` of an item of the conversation."}
_ADD: Final = """\
Adds up to 20 items to the end of the conversation. Each gets an id of its own. Add them in one request if their order
matters: of two requests at once, one is refused with 409 `conversation_locked`, and so is a request while a response
runs in the conversation."""

_CONVERSATION_INCLUDE: Final[tuple[dict[str, Any], str]] = (
    {"type": "array", "items": {"enum": list(get_args(Included))}},
    "Accepted, and without effect: what is stored of an item is always returned. `include[]` is the same.",
)

_PAGE: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "The most items of a page."),
    "order": ({"enum": ["asc", "desc"], "default": "desc"}, "`desc`: the newest first."),
    "after": ({"type": "string"}, "The id of the item that the page follows."),
}

_COUNT: Final = """\
Takes the same body as `POST /v1/responses` and returns how many tokens the model would read. No model is called and
nothing is stored. The count is exact for the demo model; for any other it is an estimate: one token for four bytes of
text, 4 for each item, 85 for an image in low detail and 765 for any other, 1500 for a file. With `truncation` `auto`,
turns that would be left out are not counted."""

_COMPACT: Final = """\
Returns a shortened conversation, which can be continued in place of the whole: the messages of the user stay as they
are, and one `compaction` item replaces everything else. No model is called. The beginning and the end are kept: up to
2000 characters of each message of the agent, 400 of a call's arguments, 800 of its output. Together these have at most
32000 characters; the oldest are left out first. Reasoning, images and files in outputs are not kept. The item is
sealed: nobody can read or change it, and it is refused from another user or for another agent. Nothing is stored."""

_CHAT: Final = """\
OpenAI's older protocol, for clients that have no other. The same agents answer, with the same keys, limits and
fallbacks as in `POST /v1/responses`. The last message of the answer, and every field, is in OpenAI's form; readable
reasoning is in `reasoning_content`.

A stream is frames of `data: JSON`, then `data: [DONE]`. A failure after the stream has begun is a frame with `error`.

Nothing is stored unless `store` is true; the answer is then a response, too, whose id has `resp_` in place of
`chatcmpl-`."""

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/responses", "POST"): Operation(
        id="createResponse",
        tag="Responses",
        summary="Create a response",
        description=_CREATE,
        answers={JSON: "ResponseResource", "text/event-stream": "StreamEvent"},
        codes=CREATING,
        headers={"Idempotency-Key": _IDEMPOTENCY_KEY},
        body="CreateResponse",
        examples=EXAMPLES,
        samples={JSON: RESPONSE, "text/event-stream": TEXT_DELTA},
        links={"retrieve": {"operationId": "retrieveResponse", "parameters": {"id": "$response.body#/id"}}},
    ),
    ("/v1/responses/input_tokens", "POST"): Operation(
        id="countInputTokens",
        tag="Responses",
        summary="Count the tokens of a request",
        description=_COUNT,
        answers={JSON: "InputTokens"},
        codes=PREPARING,
        body="CreateResponse",
        examples={"count": COUNTED},
        samples={JSON: INPUT_TOKENS},
    ),
    ("/v1/responses/compact", "POST"): Operation(
        id="compactResponse",
        tag="Responses",
        summary="Compact a conversation",
        description=_COMPACT,
        answers={JSON: "CompactResource"},
        codes=PREPARING,
        body="CompactResponse",
        examples={"compact": COMPACTED},
        samples={JSON: COMPACTION},
    ),
    ("/v1/chat/completions", "POST"): Operation(
        id="createChatCompletion",
        tag="Chat Completions",
        summary="Create a chat completion",
        description=_CHAT,
        answers={JSON: "ChatCompletion", "text/event-stream": "ChatCompletionChunk"},
        codes=CREATING - CHAINED,
        headers={"Idempotency-Key": _IDEMPOTENCY_KEY},
        body="CreateChatCompletion",
        examples=CHAT_EXAMPLES,
        samples={JSON: CHAT_COMPLETION, "text/event-stream": CHAT_CHUNK},
    ),
    ("/v1/responses/{id}", "GET"): Operation(
        id="retrieveResponse",
        tag="Responses",
        summary="Read a stored response",
        description=_RETRIEVE,
        answers={JSON: "ResponseResource", "text/event-stream": "StreamEvent"},
        codes=KEYED | QUERIED | {"response_not_found", "response_in_progress"},
        samples={JSON: RESPONSE, "text/event-stream": TEXT_DELTA},
        parameter=OWN,
        query={
            "stream": ({"type": "boolean"}, "Return the response as a stream of events."),
            "starting_after": (
                {"type": "integer", "minimum": 0},
                "With `stream`: leave out the events up to and with this sequence number.",
            ),
            "include_obfuscation": ({"type": "boolean"}, "With `stream`: pad delta events, which is the default."),
            "include": _INCLUDE,
        },
    ),
    ("/v1/responses/{id}", "DELETE"): Operation(
        id="deleteResponse",
        tag="Responses",
        summary="Delete a stored response",
        description="Deletes the response with its items and all its content. A running response is cancelled first.",
        answers={JSON: "Deleted"},
        codes=KEYED | {"response_not_found", "read_only_key"},
        samples={JSON: DELETED},
        parameter=OWN,
    ),
    ("/v1/responses/{id}/cancel", "POST"): Operation(
        id="cancelResponse",
        tag="Responses",
        summary="Cancel a running response",
        description=_CANCEL,
        answers={JSON: "ResponseResource"},
        codes=KEYED | {"response_not_found", "response_ended", "read_only_key"},
        samples={JSON: CANCELLED},
        parameter=OWN,
    ),
    ("/v1/responses/{id}/input_items", "GET"): Operation(
        id="listInputItems",
        tag="Responses",
        summary="List the items that a response was generated from",
        description=_ITEMS,
        answers={JSON: "InputItemList"},
        codes=KEYED
        | QUERIED
        | {"response_not_found", "previous_response_not_found", "context_length_exceeded", "tool_output_mismatch"},
        samples={JSON: INPUT_ITEMS},
        parameter=OWN,
        query={
            "limit": ({"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "The most items of a page."),
            "order": ({"enum": ["asc", "desc"], "default": "desc"}, "`desc`: the newest first."),
            "after": ({"type": "string"}, "The id of the item that the page follows."),
            "include": _INCLUDE,
        },
    ),
    ("/v1/conversations", "POST"): Operation(
        id="createConversation",
        tag="Conversations",
        summary="Create a conversation",
        description="Creates a conversation, with up to 20 items. Send its `id` as `conversation` with a response.",
        answers={JSON: "ConversationResource"},
        codes=ADDED,
        body="CreateConversation",
        examples={"create": NEW_CONVERSATION},
        samples={JSON: CONVERSATION},
        links={"retrieve": {"operationId": "retrieveConversation", "parameters": {"id": "$response.body#/id"}}},
    ),
    ("/v1/approvals", "GET"): Operation(
        id="listApprovals",
        tag="Approvals",
        summary="List calls that wait",
        description="Lists the calls of tools that wait for an approval: those that you asked for, and those that you "
        "may decide. The oldest first.",
        answers={JSON: "ApprovalList"},
        codes=KEYED | QUERIED - {"unsupported_value"},
        samples={JSON: APPROVALS},
        query={name: _PAGE[name] for name in ("limit", "after")},
    ),
    ("/v1/approvals/{id}", "GET"): Operation(
        id="retrieveApproval",
        tag="Approvals",
        summary="Read an approval",
        description="Returns what is to be called, what was decided, and which response goes on.",
        answers={JSON: "ApprovalResource"},
        codes=KEYED | {"approval_not_found"},
        samples={JSON: APPROVAL},
        parameter=APPROVAL_OWN,
    ),
    ("/v1/approvals/{id}", "POST"): Operation(
        id="decideApproval",
        tag="Approvals",
        summary="Approve or deny a call",
        description="Decides, as somebody whom the agent names. With the last decision that a response waits for, a "
        "background response goes on after it: `next_response_id`. The same decision can be sent again.",
        answers={JSON: "ApprovalResource"},
        codes=CREATING | BODY | {"approval_not_found", "approval_decided", "approval_expired"},
        body="ApprovalDecision",
        examples={"approve": DECISION},
        samples={JSON: APPROVAL},
        parameter=APPROVAL_OWN,
    ),
    ("/v1/conversations/{id}", "GET"): Operation(
        id="retrieveConversation",
        tag="Conversations",
        summary="Read a conversation",
        description="Returns the conversation without its items.",
        answers={JSON: "ConversationResource"},
        codes=KEYED | HELD,
        samples={JSON: CONVERSATION},
        parameter=CONVERSATION_OWN,
    ),
    ("/v1/conversations/{id}", "POST"): Operation(
        id="updateConversation",
        tag="Conversations",
        summary="Change the metadata of a conversation",
        description="Replaces all metadata of the conversation.",
        answers={JSON: "ConversationResource"},
        codes=KEYED | BODY - {"unsupported_value"} | HELD,
        body="UpdateConversation",
        examples={"update": CONVERSATION_CHANGED},
        samples={JSON: CONVERSATION},
        parameter=CONVERSATION_OWN,
    ),
    ("/v1/conversations/{id}", "DELETE"): Operation(
        id="deleteConversation",
        tag="Conversations",
        summary="Delete a conversation",
        description="Deletes the conversation with all its items and responses. A running response is cancelled first.",
        answers={JSON: "ConversationDeleted"},
        codes=KEYED | HELD | {"read_only_key", "conversation_locked"},
        samples={JSON: CONVERSATION_DELETED},
        parameter=CONVERSATION_OWN,
    ),
    ("/v1/conversations/{id}/items", "GET"): Operation(
        id="listConversationItems",
        tag="Conversations",
        summary="List the items of a conversation",
        description="Lists the items page by page. A page may have fewer items than `limit` if they are large.",
        answers={JSON: "ConversationItemList"},
        codes=KEYED | HELD | QUERIED,
        samples={JSON: CONVERSATION_ITEMS},
        parameter=CONVERSATION_OWN,
        query={**_PAGE, "include": _CONVERSATION_INCLUDE},
    ),
    ("/v1/conversations/{id}/items", "POST"): Operation(
        id="createConversationItems",
        tag="Conversations",
        summary="Add items to a conversation",
        description=_ADD,
        answers={JSON: "ConversationItemList"},
        codes=ADDED
        | HELD
        | {
            "conversation_locked",
            "context_length_exceeded",
            "idempotency_in_progress",
            "idempotency_key_reused",
        },
        body="CreateItems",
        examples={"add": NEW_ITEMS},
        samples={JSON: CONVERSATION_ITEMS},
        parameter=CONVERSATION_OWN,
        query={"include": _CONVERSATION_INCLUDE},
        headers={"Idempotency-Key": _IDEMPOTENCY_KEY},
    ),
    ("/v1/conversations/{id}/items/{item_id}", "GET"): Operation(
        id="retrieveConversationItem",
        tag="Conversations",
        summary="Read an item of a conversation",
        description="Returns one item.",
        answers={JSON: None},
        codes=KEYED | HELD | QUERIED - {"out_of_range", "invalid_type", "invalid_value"} | {"item_not_found"},
        samples={JSON: CONVERSATION_ITEM},
        parameter=CONVERSATION_OWN,
        item=ITEM_OWN,
        query={"include": _CONVERSATION_INCLUDE},
    ),
    ("/v1/conversations/{id}/items/{item_id}", "DELETE"): Operation(
        id="deleteConversationItem",
        tag="Conversations",
        summary="Delete an item of a conversation",
        description="Deletes the item from the conversation, and from the output of the response that it came with.",
        answers={JSON: "ConversationResource"},
        codes=KEYED | HELD | {"item_not_found", "read_only_key"},
        samples={JSON: CONVERSATION},
        parameter=CONVERSATION_OWN,
        item=ITEM_OWN,
    ),
    ("/v1/responses/models", "GET"): Operation(
        id="listResponsesModels",
        tag="Models",
        summary="List the agents, beside the responses",
        description="The same as `/v1/models`, for clients that look here.",
        answers={JSON: "ModelList"},
        samples={JSON: MODELS},
    ),
    ("/v1/models", "GET"): Operation(
        id="listModels",
        tag="Models",
        summary="List the agents that you may use",
        description="Returns every agent that your key may use, in the form of OpenAI's models.",
        answers={JSON: "ModelList"},
        samples={JSON: MODELS},
    ),
    ("/v1/models/{id}", "GET"): Operation(
        id="retrieveModel",
        tag="Models",
        summary="Read an agent",
        description="An agent that you may not use gets the same answer as one that does not exist.",
        answers={JSON: "Model"},
        codes=KEYED | {"model_not_found"},
        samples={JSON: MODEL},
        parameter={"description": "The agent's id.", "example": "assistant"},
    ),
    ("/healthz", "GET"): Operation(
        id="getHealth",
        tag="About",
        summary="Check that the process serves",
        description="It reads no store, so a throttled table does not take the process out of service.",
        answers={JSON: "Health"},
        codes=frozenset(),
        keyed=False,
    ),
    ("/openapi.json", "GET"): Operation(
        id="getDocument",
        tag="About",
        summary="Read this document",
        description="The OpenAPI document of this version.",
        answers={JSON: None},
        codes=frozenset(),
        keyed=False,
    ),
    ("/", "GET"): Operation(
        id="getRoot",
        tag="About",
        summary="Read this document in a browser",
        description="The same page as `/docs`.",
        answers={"text/html": None},
        codes=frozenset(),
        keyed=False,
    ),
    ("/docs", "GET"): Operation(
        id="getPage",
        tag="About",
        summary="Read this document in a browser",
        description="A page to read and to try the API. It loads nothing from elsewhere.",
        answers={"text/html": None},
        codes=frozenset(),
        keyed=False,
    ),
    ("/docs/{id}", "GET"): Operation(
        id="getPageFile",
        tag="About",
        summary="Read a file of the page",
        description="The page's script and style sheet.",
        answers={"text/css": None, "text/javascript": None},
        codes=frozenset({"route_not_found"}),
        keyed=False,
        parameter={"description": "The file's name.", "example": "swagger-ui.css"},
    ),
    **ADMIN,
}
