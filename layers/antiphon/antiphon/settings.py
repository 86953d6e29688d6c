"""The environment as a typed value, read once at start.

A missing or malformed variable ends the start with one line, which names the variable and never shows its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from antiphon.errors import SettingsError
from antiphon.suggestion import meant
from antiphon.validation import form, phrase

PREFIX: Final = "ANTIPHON_"
TOOL_VARIABLES: Final = "TOOL_"
"""How the name of a variable begins whose value tools of agents may use."""
LABEL: Final = 63
"""The longest part of a host's name (RFC 1035, section 2.3.4)."""

_ORIGIN: Final = re.compile(
    r"(?!http://[^/]*:80$)(?!https://[^/]*:443$)"
    r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?"
)

_KEY: Final = frozenset({"api_key_env", "api_key_secret", "api_key_parameter", "api_key_field"})
TAKES: Final[dict[str, frozenset[str]]] = {
    "openai_chat": _KEY | {"base_url", "dialect", "reads", "reasoning_content", "stream_options"},
    "openai_responses": _KEY | {"base_url", "dialect", "stream_options", "background"},
    "anthropic": _KEY | {"base_url", "citations"},
    "bedrock": frozenset({"base_url", "region", "guardrail", "citations"}),
    "demo": frozenset(),
}
"""The providers, by the names of their folders, and what can be set for each.

A field of another provider would have no effect, so it is refused.
"""


class ProviderEndpoint(BaseModel):
    """A named provider besides the built-in ones, as one entry of ``ANTIPHON_PROVIDERS`` (a JSON object by name).

    Attributes:
        kind: its protocol.
        base_url: where it is, up to and without ``/chat/completions``, ``/responses`` or ``/messages``; for ``bedrock``
            another endpoint than AWS's own. None for the protocol's own; ``openai_chat`` has none.
        region: the AWS region of ``bedrock``; None for the process's own.
        guardrail: of ``bedrock``: ``ID:VERSION`` of the guardrail that every call goes through; None for none.
        citations: ask for the places in documents that an answer rests on (``anthropic``, ``bedrock``).
        api_key_env: the environment variable that holds its key; None for none.
        api_key_secret: the ARN or name of the secret in AWS Secrets Manager that holds its key; None for none.
        api_key_parameter: the ARN or name of the parameter in SSM Parameter Store that holds its key; None for none.
        api_key_field: the field with the key, if that secret or parameter is a JSON object; None for plain text.
        reads: what its models can be given beside text; text files they read as text.
        dialect: how a Chat Completions or Responses endpoint deviates, if its host does not show it; None for any
            compatible one.
        reasoning_content: it takes a turn's reasoning back as ``reasoning_content`` (DeepSeek's, vLLM's and llama.cpp's
            name); other endpoints may refuse the field.
        stream_options: it accepts the field ``stream_options``. Set it to false for a gateway that refuses it; the
            usage of a Chat Completions endpoint may then be missing.
        background: background responses run in the background of a Responses endpoint too, which keeps them until they
            have ended. So a worker that is lost, or whose time is up, is followed by another that goes on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = "openai_chat"
    base_url: str | None = None
    region: str | None = None
    guardrail: (
        Annotated[
            str,
            form(r"^[^\s]+:(DRAFT|[1-9][0-9]{0,7})$", "must be `ID:VERSION`, the version `DRAFT` or a number"),
        ]
        | None
    ) = None
    citations: bool = False
    api_key_env: str | None = None
    api_key_secret: str | None = None
    api_key_parameter: str | None = None
    api_key_field: str | None = None
    reads: tuple[Literal["image", "pdf"], ...] = ("image", "pdf")
    reasoning_content: bool = False
    stream_options: bool = True
    background: bool = False
    dialect: (
        Literal[
            "openai",
            "azure",
            "groq",
            "together",
            "openrouter",
            "gemini",
            "mistral",
            "deepseek",
            "vllm",
            "ollama",
            "llama.cpp",
            "lmstudio",
        ]
        | None
    ) = None

    @field_validator("kind")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in TAKES:
            *others, last = map(repr, TAKES)
            word = meant(value, TAKES)
            raise ValueError(f"it must be {', '.join(others)} or {last}" + (f"; did you mean {word}?" if word else ""))
        return value

    @field_validator("base_url", "api_key_env", "api_key_secret", "api_key_parameter", "api_key_field")
    @classmethod
    def _none(cls, value: str | None) -> str | None:
        """Take what is empty, as a template leaves it, for none."""
        return value or None

    @field_validator("base_url")
    @classmethod
    def _a_url(cls, value: str | None) -> str | None:
        problem = None if value is None else problem_of_url(value)
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("api_key_secret", "api_key_parameter")
    @classmethod
    def _of_its_service(cls, value: str | None, info: ValidationInfo) -> str | None:
        service = "secretsmanager" if info.field_name == "api_key_secret" else "ssm"
        if value is not None and value.startswith("arn:") and f":{service}:" not in value:
            raise ValueError(f"not an ARN of {service}; set api_key_secret or api_key_parameter by where the key is")
        return value

    @model_validator(mode="after")
    def _one_key(self) -> ProviderEndpoint:
        if sum(place is not None for place in (self.api_key_env, self.api_key_secret, self.api_key_parameter)) > 1:
            raise ValueError("set one of api_key_env, api_key_secret and api_key_parameter")
        if self.api_key_field is not None and self.api_key_secret is None and self.api_key_parameter is None:
            raise ValueError("api_key_field goes with api_key_secret or api_key_parameter")
        return self

    @model_validator(mode="after")
    def _for_its_kind(self) -> ProviderEndpoint:
        if self.kind == "openai_chat" and self.base_url is None:
            raise ValueError("base_url is missing")
        for name, field in type(self).model_fields.items():
            if name != "kind" and name not in TAKES[self.kind] and getattr(self, name) != field.default:
                raise ValueError(f"{name} has no effect for the kind {self.kind}; remove it")
        return self


class Settings(BaseModel):
    """What a deployment sets, each from ``ANTIPHON_`` + its name in capitals.

    Attributes:
        environment: part of every key made here, such as ``prod``; lower-case letters and digits.
        core_table, responses_table: DynamoDB tables; both or neither.
        database: the SQLite file, if there are no tables.
        aws_endpoint_url: another endpoint for DynamoDB, such as a local emulator.
        providers: further providers by name.
        seal_keys: what seals compacted conversations and reasoning that clients keep: base64 of at least 32 random
            bytes each, separated by commas, newest first; the first one seals, all open.
        seal_secret: the ARN or name of the secret in AWS Secrets Manager that holds them instead.
        retention_days: how long a stored response is kept, unless tenant, role or user have less.
        max_body_bytes: the largest request body.
        requests_per_minute: how many responses one user may create in a minute, unless tenant, role or user have less.
        tokens_per_day, tokens_per_month: how many tokens one user may use, unless tenant, role or user have less.
        usd_per_month: how many US dollars one user may use in a month, unless tenant, role or user have less.
        usage_days: how long the roll-ups of a day are kept; at least two months, as limits of a month are read there.
        prices: prices of models that come before the built-in ones: a JSON document, or the path of a file with one.
        show_cost: show in a response's usage what it cost, if the price is known.
        audit_days: how long an entry of the audit log is kept, from when it is written.
        max_chain_turns: the longest conversation that can be continued, in turns.
        max_chain_bytes: the largest stored conversation that one request reads, as JSON before it is compressed.
        run_seconds: the longest run of one response, if the host sets no limit of its own.
        reserve_seconds: how long before the limit a run is ended, so that its ending can be stored and sent.
        cache_seconds: how long a warm process trusts what it read of a key, its user, role and tenant; at most 60.
        run_log: which stored responses are logged while they run, so that others can follow them: ``all``, those in
            the ``background``, or none (``off``).
        lease_seconds: a running response of which nothing was logged for so long has lost its writer.
        max_queued_runs: how many background responses of one user may be queued or running.
        worker_function: the name or ARN, with an alias, of the Lambda function that runs background responses; None if
            this process runs them itself.
        watch_seconds: how often a running response asks the store whether it was cancelled by another process.
        circuit_failures: after so many failures of a model in a row, each before its first token, this process does not
            ask it for a while; 0 for never.
        circuit_seconds: for how long, unless the provider names a time; then one request tries it.
        ping_seconds: a stream is never silent for longer.
        websocket_seconds: the longest WebSocket connection. A response that runs then still ends.
        check_streams: hold every stream against the grammar before it is sent; 2 to 3 microseconds an event.
        unknown_tools: what becomes of tools in a request that only OpenAI's own service runs, such as ``web_search``:
            ``leave_out`` answers without them and names them, ``refuse`` is 400.
        max_image_bytes, max_file_bytes: the largest image and file of an input, decoded.
        docs: serve Swagger UI at ``/docs``, 1.5 MB to whoever asks, without a key. Without it the page has a link to
            ``/openapi.json``, which is always served.
        management: the local server serves ``/v1/admin``, too; on AWS a function of its own does.
        allowed_origins: the origins whose pages may call from a browser, separated by commas, such as
            ``https://app.example.com``; ``*`` for any page.
        allow_http_urls: callers may send ``http`` URLs besides ``https``.
        allow_private_urls: callers may send URLs of any address and port; for tests, or a network without secrets.
        tool_hosts: the hosts that tools of agents may call, each ``host`` or ``host:port``, separated by commas; empty
            or ``*`` for every public one over ``https``. Only a listed one may be private, use ``http`` or another
            port.
        webhook_hosts: the same for webhooks: empty for every public host over ``https``.
        webhook_queue: the URL of the queue in SQS through which webhooks are called on AWS.
        event_bus: the name or ARN of the bus of EventBridge that gets events; None for none.
        otlp_headers_secret: the name or ARN of the secret with headers for the receiver of traces, in the form of
            ``OTEL_EXPORTER_OTLP_HEADERS``; None for none. Where traces are sent is in OpenTelemetry's own variables.
        tool_secrets, tool_parameters: the ARNs or names of the secrets and parameters in AWS that tools of agents may
            use, separated by commas; ``*`` stands for any characters. What is not listed is not read for them.
        tool_functions: the ARNs of the Lambda functions that tools of agents may invoke, with the alias or version that
            agents name, in the same form.
        tool_gateways: the ARNs of the gateways of Amazon Bedrock AgentCore that may be MCP servers, in the same form.
        knowledge_bases: the ARNs of the knowledge bases of Amazon Bedrock that they may search, in the same form.
        web_search: whether they may search the web through Amazon Bedrock AgentCore, which AWS bills by the search:
            ``off``, ``on``, or the region of AWS to search in if it is not the process's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: Annotated[str, form("^[a-z0-9]{1,16}$", "must be 1 to 16 lower-case letters and digits")] = "dev"
    core_table: str | None = None
    responses_table: str | None = None
    database: str | None = None
    aws_endpoint_url: str | None = None
    providers: dict[str, ProviderEndpoint] = Field(default_factory=dict)
    seal_keys: SecretStr | None = None
    seal_secret: str | None = None
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    max_body_bytes: Annotated[int, Field(ge=1024, le=64_000_000)] = 6_000_000
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_day: Annotated[int, Field(ge=1)] | None = None
    tokens_per_month: Annotated[int, Field(ge=1)] | None = None
    usd_per_month: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    usage_days: Annotated[int, Field(ge=62, le=3650)] = 400
    prices: str | None = None
    show_cost: bool = False
    audit_days: Annotated[int, Field(ge=1, le=3650)] = 400
    max_chain_turns: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_chain_bytes: Annotated[int, Field(ge=1024)] = 16_000_000
    run_seconds: Annotated[float, Field(gt=0)] = 840.0
    reserve_seconds: Annotated[float, Field(ge=0)] = 3.0
    cache_seconds: Annotated[float, Field(ge=0, le=60)] = 60.0
    run_log: Literal["all", "background", "off"] = "all"
    lease_seconds: Annotated[float, Field(ge=0.5, le=300)] = 30.0
    max_queued_runs: Annotated[int, Field(ge=0, le=1000)] = 20
    worker_function: str | None = None
    watch_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    circuit_failures: Annotated[int, Field(ge=0, le=1000)] = 5
    circuit_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    ping_seconds: Annotated[float, Field(gt=0, le=15)] = 15.0
    websocket_seconds: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    check_streams: bool = False
    unknown_tools: Literal["leave_out", "refuse"] = "leave_out"
    max_image_bytes: Annotated[int, Field(ge=1024, le=50_000_000)] = 10_000_000
    max_file_bytes: Annotated[int, Field(ge=1024, le=50_000_000)] = 10_000_000
    docs: bool = True
    management: bool = False
    allowed_origins: tuple[str, ...] = ()
    allow_http_urls: bool = False
    allow_private_urls: bool = False
    tool_hosts: tuple[str, ...] = ()
    webhook_hosts: tuple[str, ...] = ()
    webhook_queue: str | None = None
    event_bus: str | None = None
    otlp_headers_secret: str | None = None
    tool_secrets: tuple[str, ...] = ()
    tool_parameters: tuple[str, ...] = ()
    tool_functions: tuple[str, ...] = ()
    tool_gateways: tuple[str, ...] = ()
    knowledge_bases: tuple[str, ...] = ()
    web_search: Annotated[
        str,
        form("^(on|off|[a-z]{2}(-[a-z]+)+-[0-9])$", "must be `on`, `off` or a region of AWS such as `us-east-1`"),
    ] = "off"

    @field_validator("aws_endpoint_url")
    @classmethod
    def _a_url(cls, value: str | None) -> str | None:
        problem = problem_of_url(value) if value else None
        if problem:
            raise ValueError(problem)
        return value

    @field_validator(
        "allowed_origins",
        "tool_hosts",
        "webhook_hosts",
        "tool_secrets",
        "tool_parameters",
        "tool_functions",
        "tool_gateways",
        "knowledge_bases",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _as_browsers_write_them(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(origin == "*" or is_origin(origin) for origin in value):
            raise ValueError("not origins as browsers send them: https://host or https://host:port, in lower case")
        if "*" in value and len(value) > 1:
            raise ValueError("* allows every origin; remove it or the others")
        return value

    @field_validator("tool_hosts", "webhook_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(host == "*" or is_host(host) for host in value):
            raise ValueError("not hosts: name or address, with a port if it is unusual, such as mcp.example.com:8443")
        return value

    @model_validator(mode="after")
    def _one_store(self) -> Settings:
        if (self.core_table is None) != (self.responses_table is None):
            raise ValueError("CORE_TABLE and RESPONSES_TABLE go together")
        if (self.core_table is None) == (self.database is None):
            raise ValueError("set either CORE_TABLE and RESPONSES_TABLE, or DATABASE")
        return self


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from an environment. Names with the prefix that are no setting are ignored.

    Raises:
        SettingsError: a variable is missing or malformed.
    """
    values: dict[str, object] = {}
    for name in Settings.model_fields:
        text = environ.get(PREFIX + name.upper())
        if text:
            values[name] = text
    try:
        if "providers" in values:
            values["providers"] = _read_json(PREFIX + "PROVIDERS", str(values["providers"]))
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        lines = (f"{_where(problem['loc'])}: {phrase(problem, Settings)}" for problem in problems)
        raise SettingsError("; ".join(lines)) from None


def is_origin(text: str) -> bool:
    """Check whether a text is an origin in the form of the header ``origin`` (RFC 6454, section 6.2).

    The port that is its scheme's default is left out there, and a host in another alphabet is written in punycode.
    """
    return _ORIGIN.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Check whether a text is a host with or without a port, and no more of a URL."""
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname) and parts.port != 0 and not set("/?#@ *\\") & set(text) and text.isprintable()
    except ValueError:
        return False


def problem_of_url(text: str) -> str | None:
    """Return why a text cannot be the URL of an HTTP server, without a part of it; None if it can."""
    try:
        parts = urlsplit(text)
        labels = (parts.hostname or "").removesuffix(".").split(".")
        good = parts.scheme in {"http", "https"} and parts.port != 0 and text.isprintable()
        good = good and all(0 < len(label) <= LABEL for label in labels)
    except ValueError:
        good = False
    if not good:
        return "not a URL that begins with http:// or https:// and has a host"
    if "@" in parts.netloc:
        return "a URL may not hold a user or a password; set the key with api_key_env or its like"
    return None


def _where(location: tuple[int | str, ...]) -> str:
    """Return the name of a variable, with the place in it if it is JSON: ``ANTIPHON_PROVIDERS.groq.base_url``."""
    if not location:
        return f"{PREFIX}*"
    variable, *rest = map(str, location)
    return ".".join((PREFIX + variable.upper(), *rest))


def _read_json(name: str, text: str) -> object:
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{name}: not JSON (line {error.lineno})") from None
