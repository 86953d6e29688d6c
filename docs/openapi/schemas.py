"""The schemas of the OpenAPI document: the very models that read requests, and those that describe answers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import ModelSchema, PlainValidatorFunctionSchema, TaggedUnionSchema

from antiphon.chat.request import IGNORED as CHAT_IGNORED
from antiphon.chat.request import CreateChatCompletion
from antiphon.manage.budgets import BudgetDocument
from antiphon.manage.forms import (
    EraseForm,
    GrantForm,
    GroupForm,
    KeyForm,
    RoleForm,
    RollbackForm,
    SecretForm,
    TenantForm,
    UserForm,
    WebhookForm,
)
from antiphon.spec.base import Wire
from antiphon.spec.conversations import CreateConversation, CreateItems, UpdateConversation
from antiphon.spec.decision import ApprovalDecision
from antiphon.spec.request import IGNORED, MAX_ITEMS, CompactResponse, CreateResponse
from docs.openapi.admin_resources import ADMIN_RESOURCES, AgentBody
from docs.openapi.admin_resources.webhooks import WEBHOOK_RESOURCES
from docs.openapi.answers import (
    ApprovalList,
    ApprovalResource,
    CompactResource,
    ConversationDeleted,
    ConversationItemList,
    ConversationResource,
    Error,
    Health,
    InputItemList,
    InputTokens,
    Model,
    ModelList,
)
from docs.openapi.chat import CHAT_FIELDS, CHAT_ROOTS
from docs.openapi.events import StreamEvent
from docs.openapi.resources import Deleted, ResponseResource

ROOTS: Final[tuple[type[BaseModel], ...]] = (
    CreateResponse,
    CompactResponse,
    CreateConversation,
    UpdateConversation,
    CreateItems,
    ResponseResource,
    ConversationResource,
    ConversationDeleted,
    ConversationItemList,
    ApprovalDecision,
    ApprovalResource,
    ApprovalList,
    InputTokens,
    CompactResource,
    StreamEvent,
    Deleted,
    InputItemList,
    ModelList,
    Model,
    Health,
    Error,
    CreateChatCompletion,
    *CHAT_ROOTS,
    AgentBody,
    EraseForm,
    KeyForm,
    BudgetDocument,
    UserForm,
    RoleForm,
    GroupForm,
    GrantForm,
    RollbackForm,
    TenantForm,
    WebhookForm,
    SecretForm,
    *ADMIN_RESOURCES,
    *WEBHOOK_RESOURCES,
)
FIELDS: Final = {
    "model": "The agent's id: see `/v1/models`.",
    "input": f"What to answer: a text, or 1 to {MAX_ITEMS} items. Leave it out to go on from an earlier response.",
    "previous_response_id": "The response to go on from. Its input and output come before this input; its instructions "
    "do not carry over.",
    "conversation": "The conversation that the response is added to, by its id: see `/v1/conversations`. Its items "
    "come before this input. Not together with `previous_response_id`.",
    "context_management": "Compact the conversation before the model reads it, if it has more tokens than "
    "`compact_threshold`. The output then begins with a `compaction` item.",
    "instructions": "Said to the model after the agent's own instructions.",
    "include": "What to add to the answer. Names of features that are not there add nothing.",
    "tools": "Tools that you run, offered beside the agent's own. A name may stand for one tool only. Tools that only "
    "OpenAI's own service runs, such as `web_search`, are left out and named in the answer.",
    "tool_choice": "Whether and what the model may call. `allowed_tools` is a hard limit.",
    "parallel_tool_calls": "False: at most one call a turn.",
    "max_tool_calls": "The most calls in this response; it ends there as `incomplete`.",
    "metadata": "Up to 16 pairs of your own, kept with the response.",
    "text": "The form of the answer.",
    "temperature": "How freely tokens are drawn.",
    "top_p": "Draw from the likeliest tokens that together have this probability.",
    "presence_penalty": "How much a token that has occurred is avoided.",
    "frequency_penalty": "How much a token is avoided for each time it has occurred.",
    "max_output_tokens": "The most tokens of the answer, reasoning included.",
    "top_logprobs": "How many of the likeliest tokens to return at each place.",
    "reasoning": "How much the model should reason, and whether to return a summary of that.",
    "truncation": "How to handle a conversation that is too long for the model: `disabled` refuses it, `auto` leaves "
    "out its oldest turns; that takes an agent with `context_tokens`.",
    "service_tier": "Passed on to the model's provider.",
    "prompt_cache_key": "Passed on to the model's provider.",
    "safety_identifier": "A stable, opaque name of the end user, passed on to the model's provider.",
    "user": "The older name of `safety_identifier`.",
    "store": "Keep the response, so that it can be read and continued. False: it is gone once it is sent.",
    "background": "Return at once, with the status `queued`, and run on without this connection. It needs `store`.",
    "stream": "Answer with server-sent events while the model writes.",
    "stream_options": "Options of a stream.",
}
"""What the request's fields mean. The model that reads them carries no words: it is imported at every cold start."""

_NEVER_VALID: Final = "#message"
"""The tag of ``MessageOfUnknownRole``, which only makes an error point at the role."""


class _Document(GenerateJsonSchema):
    """Writes schemas for people: no made-up titles; null where null means absent; no model that is never valid."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's hook
        return False

    def tagged_union_schema(self, schema: TaggedUnionSchema) -> JsonSchemaValue:
        choices = {tag: choice for tag, choice in schema["choices"].items() if tag != _NEVER_VALID}
        return super().tagged_union_schema({**schema, "choices": choices})

    def function_plain_schema(self, schema: PlainValidatorFunctionSchema) -> JsonSchemaValue:
        """Write a model that is imported late as any other."""
        rare = schema.get("metadata", {}).get("rare")
        if rare is None:
            return super().function_plain_schema(schema)
        rare.model.model_rebuild(force=True)
        return self.generate_inner(rare.model.__pydantic_core_schema__)

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        written = super().model_schema(schema)
        if issubclass(schema["cls"], Wire):
            required = written.get("required", [])
            properties = written["properties"]
            written["properties"] = {
                name: value if name in required else _nullable(value) for name, value in properties.items()
            }
        return written


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Write the schema of an optional field: it takes null, which means absent, so a default of null is not shown."""
    value = dict(schema)
    default = value.pop("default", None)
    if value and {"type": "null"} not in value.get("anyOf", []):
        value = {"anyOf": [value, {"type": "null"}]}
    return value if default is None else {**value, "default": default}


def build_schemas() -> dict[str, Any]:
    """Build the document's component schemas, by name."""
    _, written = models_json_schema(
        [(model, "validation") for model in ROOTS],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Document,
    )
    schemas: dict[str, Any] = written["$defs"]
    for form, fields, ignored in (
        (CreateResponse, FIELDS, IGNORED),
        (CompactResponse, FIELDS, IGNORED),
        (CreateChatCompletion, CHAT_FIELDS, CHAT_IGNORED),
    ):
        properties = schemas[form.__name__]["properties"]
        for name, schema in properties.items():
            schema["description"] = fields[name]
        properties |= {name: {"description": "Accepted, and without effect."} for name in sorted(ignored)}
    return schemas
