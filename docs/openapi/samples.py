"""The examples of the OpenAPI document: requests that work as they stand, and what is answered.

Plain data. The requests use the agents that ``make run`` seeds, and no state.
"""

from __future__ import annotations

from typing import Any, Final

_QUESTION: Final = "What is the weather in Paris?"
EXAMPLES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "answer": ("An answer", {"model": "assistant", "input": "Hello!"}),
    "function_call": ("A function call", {"model": "weather", "input": _QUESTION}),
    "function_output": (
        "A function's output",
        {
            "model": "weather",
            "input": [
                {"type": "message", "role": "user", "content": _QUESTION},
                {
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "get_weather",
                    "arguments": '{"city":"Paris","unit":"celsius"}',
                },
                {"type": "function_call_output", "call_id": "call_1", "output": "18 degrees, sunny"},
            ],
        },
    ),
    "stream": ("An answer as it is made", {"model": "assistant", "input": "Hello!", "stream": True}),
    "structured": (
        "JSON that fits a schema",
        {
            "model": "assistant",
            "input": "Plan a day in Paris.",
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "plan",
                    "schema": {
                        "type": "object",
                        "properties": {
                            "title": {"type": "string"},
                            "stops": {"type": "array", "items": {"type": "string"}},
                        },
                        "required": ["title", "stops"],
                        "additionalProperties": False,
                    },
                }
            },
        },
    ),
}

RESPONSE: Final[dict[str, Any]] = {
    "id": "resp_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQ",
    "object": "response",
    "created_at": 1777000000,
    "completed_at": 1777000001,
    "status": "completed",
    "incomplete_details": None,
    "model": "assistant",
    "previous_response_id": None,
    "instructions": "You are a friendly guide to Antiphon.",
    "output": [
        {
            "type": "message",
            "id": "msg_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQo000",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello! How can I help?", "annotations": [], "logprobs": []}],
        }
    ],
    "error": None,
    "tools": [],
    "tool_choice": "auto",
    "truncation": "disabled",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "text"}},
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "top_logprobs": 0,
    "temperature": 1.0,
    "reasoning": None,
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 17,
    },
    "max_output_tokens": None,
    "max_tool_calls": None,
    "store": True,
    "background": False,
    "service_tier": "default",
    "metadata": {},
    "safety_identifier": None,
    "prompt_cache_key": None,
}
CANCELLED: Final[dict[str, Any]] = {
    **RESPONSE,
    "status": "cancelled",
    "completed_at": None,
    "incomplete_details": {"reason": "cancelled"},
    "output": [{**RESPONSE["output"][0], "status": "incomplete"}],
    "usage": None,
}
DELETED: Final[dict[str, Any]] = {"id": RESPONSE["id"], "object": "response", "deleted": True}
INPUT_ITEMS: Final[dict[str, Any]] = {
    "object": "list",
    "data": [
        {
            "type": "message",
            "id": "msg_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQi000",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hello!"}],
        }
    ],
    "first_id": "msg_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQi000",
    "last_id": "msg_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQi000",
    "has_more": False,
}
NEW_CONVERSATION: Final[tuple[str, dict[str, Any]]] = (
    "A conversation with a first message",
    {"items": [{"type": "message", "role": "user", "content": "My name is Ada."}], "metadata": {"topic": "demo"}},
)
NEW_ITEMS: Final[tuple[str, dict[str, Any]]] = (
    "A message",
    {"items": [{"type": "message", "role": "user", "content": "Hello!"}]},
)
CONVERSATION_CHANGED: Final[tuple[str, dict[str, Any]]] = ("Another topic", {"metadata": {"topic": "songs"}})
CONVERSATION: Final[dict[str, Any]] = {
    "id": "conv_4yGq0aPzT1bXwE7kVnR8sM",
    "object": "conversation",
    "created_at": 1777000000,
    "metadata": {"topic": "demo"},
}
CONVERSATION_DELETED: Final[dict[str, Any]] = {
    "id": CONVERSATION["id"],
    "object": "conversation.deleted",
    "deleted": True,
}
APPROVAL: Final[dict[str, Any]] = {
    "id": "mcpr_4yGq0aPzT1bXwE7kVnR8sM000iK9dQo001",
    "object": "approval",
    "response_id": "resp_4yGq0aPzT1bXwE7kVnR8sM000iK9dQ",
    "server_label": "crm",
    "name": "update",
    "arguments": '{"id":1}',
    "by": "role:MANAGER",
    "status": "pending",
    "created_at": 1777000000,
    "expires_at": 1777604800,
    "next_response_id": None,
}
APPROVALS: Final[dict[str, Any]] = {
    "object": "list",
    "data": [APPROVAL],
    "first_id": APPROVAL["id"],
    "last_id": APPROVAL["id"],
    "has_more": False,
}
DECISION: Final[tuple[str, dict[str, Any]]] = ("Approve it", {"decision": "approve"})
CONVERSATION_ITEMS: Final[dict[str, Any]] = INPUT_ITEMS
CONVERSATION_ITEM: Final[dict[str, Any]] = INPUT_ITEMS["data"][0]
COUNTED: Final = ("How long it is", {"model": "assistant", "input": "Hello!"})
INPUT_TOKENS: Final[dict[str, Any]] = {"object": "response.input_tokens", "input_tokens": 10}
COMPACTED: Final[tuple[str, dict[str, Any]]] = (
    "A conversation in short",
    {
        "model": "assistant",
        "input": [
            {"type": "message", "role": "user", "content": "My name is Ada."},
            {"type": "message", "role": "assistant", "content": "Nice to meet you, Ada."},
        ],
    },
)
COMPACTION: Final[dict[str, Any]] = {
    "id": "resp_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQ",
    "object": "response.compaction",
    "created_at": 1777000000,
    "output": [
        {
            "id": "msg_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQi000",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "My name is Ada."}],
            "status": "completed",
        },
        {
            "type": "compaction",
            "id": "cmp_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQo001",
            "encrypted_content": "AQ0sJ4hYr1b2cw...",
        },
    ],
    "usage": {
        "input_tokens": 23,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 35,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 58,
    },
    "antiphon": {"tokens_before": 23, "tokens_after": 39, "halved": False},
}
TEXT_DELTA: Final[dict[str, Any]] = {
    "type": "response.output_text.delta",
    "sequence_number": 4,
    "item_id": "msg_4yGq0aPzT1bXwE7kVnR8sM0006fK2hQo000",
    "output_index": 0,
    "content_index": 0,
    "delta": "Hello!",
    "logprobs": [],
    "obfuscation": "0123456789",
}
MODEL: Final[dict[str, Any]] = {
    "id": "assistant",
    "object": "model",
    "created": 1777000000,
    "owned_by": "you",
    "antiphon": {"name": "Assistant", "description": "Talks. Runs on the built-in demo model."},
}
MODELS: Final[dict[str, Any]] = {"object": "list", "data": [MODEL]}

_CHAT: Final[dict[str, Any]] = {"model": "assistant", "messages": [{"role": "user", "content": "Hello!"}]}
CHAT_EXAMPLES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "answer": ("An answer", _CHAT),
    "function_call": (
        "A function call",
        {"model": "weather", "messages": [{"role": "user", "content": _QUESTION}]},
    ),
    "stream": (
        "An answer as it is made",
        {**_CHAT, "stream": True, "stream_options": {"include_usage": True}},
    ),
}
_CHAT_HEAD: Final = {
    "id": "chatcmpl-0RbGH8fXo7DcJ3nTqZ5WyV000a1B2c3",
    "created": 1767225600,
    "model": "assistant",
    "service_tier": "default",
    "system_fingerprint": None,
}
CHAT_COMPLETION: Final[dict[str, Any]] = {
    **_CHAT_HEAD,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello! How can I help?", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 7,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
CHAT_CHUNK: Final[dict[str, Any]] = {
    **_CHAT_HEAD,
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {"content": "Hello!"}, "logprobs": None, "finish_reason": None}],
}
