"""Spans by OpenTelemetry's semantic conventions: their names, kinds and attributes.

Sources: Semantic Conventions 1.41 (HTTP, errors), and the semantic conventions for generative AI as of November 2026,
which are in development and may change: inference, agent and tool spans, and MCP. No attribute has content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from antiphon.settings import ProviderEndpoint
from antiphon.spans import Span
from antiphon.telemetry.wire import CLIENT, INTERNAL, SERVER, Value

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"

SENT: Final = frozenset({"request", "agent", "model", "tool", "fetch"})
"""The kinds of span that are sent. A long response writes to its store several times a second, so those are only
counted, in the attributes of the request."""

FindEndpoint = Callable[[str], ProviderEndpoint | None]

_SERVER_ERROR: Final = 500
_PORTS: Final = {"http": 80, "https": 443}
_HOSTS: Final = {"anthropic": "https://api.anthropic.com", "openai_responses": "https://api.openai.com"}
_OF_KIND: Final = {"anthropic": "anthropic", "bedrock": "aws.bedrock", "openai_responses": "openai"}
_OF_DIALECT: Final = {
    "azure": "azure.ai.openai",
    "deepseek": "deepseek",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
}
_OF_HOST: Final = {
    "api.openai.com": "openai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.deepseek.com": "deepseek",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
}
_TOKENS: Final = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
_REQUEST: Final = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "user": "user.id",
    "request_id": "antiphon.request_id",
    "key_id": "antiphon.key_id",
    "response_id": "antiphon.response_id",
    "outcome": "antiphon.outcome",
    "provider_retries": "antiphon.provider_retries",
    "store_calls": "antiphon.store_calls",
    "store_retries": "antiphon.store_retries",
}
_AGENT: Final = {
    "response_id": "gen_ai.response.id",
    "conversation_id": "gen_ai.conversation.id",
    "model": "gen_ai.request.model",
    "user": "user.id",
    "outcome": "antiphon.outcome",
    "tool_calls": "antiphon.tool_calls",
    **_TOKENS,
}
_MODEL: Final = {
    "model": "gen_ai.request.model",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    **_TOKENS,
}
_DOUBLES: Final = frozenset(
    {f"gen_ai.request.{name}" for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty")}
)
"""Attributes that are floating-point numbers; a request may have integers there."""

_TOOL: Final = {"tool": "gen_ai.tool.name", "call_id": "gen_ai.tool.call.id", "label": "antiphon.tool.server"}


class Described(NamedTuple):
    """A span as it is sent.

    Attributes:
        name: its name, of which there are few.
        kind: see ``wire``.
        attributes: what it has; ``error.type`` among them if it failed.
    """

    name: str
    kind: int
    attributes: dict[str, Value]


def describe(span: Span, endpoint: FindEndpoint) -> Described:
    """Describe a span that has ended.

    Args:
        span: of a kind in ``SENT``.
        endpoint: returns how a provider is set up; None if there is none of that name.
    """
    name, kind, attributes = _BY_KIND[span.kind](span, endpoint)
    error = _error(span)
    if error:
        attributes["error.type"] = error
    return Described(name, kind, attributes)


def _request(span: Span, _: FindEndpoint) -> Described:
    facts = span.facts
    name = " ".join(filter(None, (facts.get("method") or "HTTP", facts.get("route"))))
    return Described(name, SERVER, _named(facts, _REQUEST))


def _agent(span: Span, endpoint: FindEndpoint) -> Described:
    name = span.facts.get("agent_name") or span.name
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.id": span.name, "gen_ai.agent.name": name}
    version = span.facts.get("agent_version")
    if version is not None:
        attributes["gen_ai.agent.version"] = str(version)
    provider = span.facts.get("provider")
    if provider:
        attributes["gen_ai.provider.name"] = provider_name(provider, endpoint(provider))
    return Described(f"invoke_agent {span.name}", INTERNAL, attributes | _named(span.facts, _AGENT))


def _model(span: Span, endpoint: FindEndpoint) -> Described:
    found, facts = endpoint(span.name), span.facts
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider_name(span.name, found),
        "gen_ai.request.stream": True,
        "antiphon.provider": span.name,
        **_address(found),
        **_named(facts, _MODEL),
    }
    for name in _DOUBLES & attributes.keys():
        attributes[name] = float(facts[name.removeprefix("gen_ai.request.")])
    if "finish_reason" in facts:
        attributes["gen_ai.response.finish_reasons"] = (facts["finish_reason"],)
    if "first_token_ms" in facts:
        attributes["gen_ai.response.time_to_first_chunk"] = facts["first_token_ms"] / 1000
    return Described(f"chat {facts['model']}", CLIENT, attributes)


def _tool(span: Span, _: FindEndpoint) -> Described:
    kind, tool = span.facts["kind_of_server"], span.facts["tool"]
    attributes = {"gen_ai.operation.name": "execute_tool", **_named(span.facts, _TOOL)}
    attributes["gen_ai.tool.type"] = "datastore" if kind == "knowledge_base" else "extension"
    if kind == "mcp":
        attributes["mcp.method.name"] = "tools/call"
    return Described(f"execute_tool {tool}", INTERNAL, attributes)


def _fetch(_: Span, __: FindEndpoint) -> Described:
    return Described("GET", CLIENT, {"http.request.method": "GET"})


_BY_KIND: Final[dict[str, Callable[[Span, FindEndpoint], Described]]] = {
    "request": _request,
    "agent": _agent,
    "model": _model,
    "tool": _tool,
    "fetch": _fetch,
}


def provider_name(name: str, endpoint: ProviderEndpoint | None) -> str:
    """Return a provider's well-known name, or its name in the settings if it has none.

    Args:
        name: in the settings.
        endpoint: how it is set up; None if it is not.
    """
    if endpoint is None:
        return name
    host = urlsplit(endpoint.base_url or "").hostname or ""
    return _OF_KIND.get(endpoint.kind) or _OF_DIALECT.get(endpoint.dialect or "") or _OF_HOST.get(host) or name


def _address(endpoint: ProviderEndpoint | None) -> dict[str, Value]:
    """Return the address of a provider, if its settings or its kind determine it."""
    url = endpoint and (endpoint.base_url or _HOSTS.get(endpoint.kind))
    if not url:
        return {}
    parts = urlsplit(url)
    return {"server.address": parts.hostname or "", "server.port": parts.port or _PORTS[parts.scheme]}


def _named(facts: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Value]:
    """Return the facts that are present, by the names of their attributes."""
    return {name: facts[fact] for fact, name in names.items() if facts.get(fact) is not None}


def _error(span: Span) -> str | None:
    """Return why a span failed, in a word; None if it did not.

    A request that is refused has not failed itself (HTTP conventions, "Status").
    """
    facts = span.facts
    if span.kind == "request":
        status = facts.get("status") or 0
        if facts.get("outcome") == "failed" or status >= _SERVER_ERROR:
            return facts.get("code") or str(status)
    elif span.kind == "agent" and facts.get("outcome") == "failed":
        return facts.get("code") or "_OTHER"
    elif span.kind == "tool" and facts.get("failure"):
        return str(facts["failure"])
    return (span.code or span.failure.__name__) if span.failure is not None else None
