"""``template.yaml`` with its references resolved for this machine: functions, routes, tables.

A reference to a resource becomes the resource's logical name, and a parameter its default
unless another value is given (AWS CloudFormation User Guide, "Intrinsic functions"; those that the template uses).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

PSEUDO: Final = {"AWS::Region": "eu-central-1", "AWS::StackName": "local", "AWS::URLSuffix": "localhost"}
FUNCTIONS: Final = frozenset({"Ref", "GetAtt", "Sub", "If", "Equals", "Not", "And", "Or", "Condition", "Join"})
ARN: Final = "arn:aws:lambda:eu-central-1:123456789012:function:{}:live"
"""What the alias of a function is called."""

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the REST API: ``method`` may be ``ANY``, and the last part of ``path`` ``{proxy+}``."""

    method: str
    path: str
    function: str

    def pattern(self) -> re.Pattern[str]:
        """Return the pattern of the paths of requests; its groups are the path's parameters."""
        greedy = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(self.path))
        return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", greedy))

    def rank(self) -> tuple[float, int, bool]:
        """Return its rank among the routes that match: literal paths, then long greedy ones; methods before ``ANY``."""
        greedy = 1 / self.path.count("/") if "+}" in self.path else 0
        return (greedy, self.path.count("{"), self.method == "ANY")


@dataclass(frozen=True, slots=True)
class SocketApi:
    """The WebSocket API: its stage, the request template of a message, and the function that gets it."""

    stage: str
    message: str
    function: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """An event that a function gets again and again."""

    function: str
    event: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of the template that are used here.

    Attributes:
        functions: properties by logical name, with the globals merged in.
        tables: properties by logical name.
        routes: of the REST API, in the order in which they are tried.
        urls: the functions that have a Function URL.
        schedules: what functions get at intervals.
        environment: the parameter of this name, which is the REST API's stage.
        gateway_headers: the fixed headers of what the REST API itself answers if a function failed.
        socket: the WebSocket API, if there is one.
    """

    functions: Mapping[str, dict[str, Any]]
    tables: Mapping[str, dict[str, Any]]
    routes: tuple[Route, ...]
    urls: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    environment: str
    gateway_headers: Mapping[str, str]
    socket: SocketApi | None = None


def read_template(file: Path, **parameters: str) -> Template:
    """Read the template, with values for some of its parameters."""
    document = yaml.load(file.read_text(), _Loader)  # noqa: S506 a safe loader with the short forms
    resolve = _Resolver(document, parameters)
    kinds: dict[str, dict[str, dict[str, Any]]] = {}
    for name, resource in document["Resources"].items():
        if resolve.holds(resource.get("Condition")):
            kinds.setdefault(resource["Type"], {})[name] = resolve(resource.get("Properties", {}))
    shared = resolve(document["Globals"]["Function"])
    functions = {name: _merged(shared, own) for name, own in kinds["AWS::Serverless::Function"].items()}
    return Template(
        functions=functions,
        tables=kinds.get("AWS::DynamoDB::Table", {}),
        routes=_routes(functions),
        urls=tuple(url["TargetFunctionArn"] for url in kinds.get("AWS::Lambda::Url", {}).values()),
        schedules=_schedules(functions),
        environment=resolve({"Ref": "Environment"}),
        gateway_headers=_gateway_headers(kinds["AWS::Serverless::Api"]["Api"]),
        socket=_socket(kinds),
    )


def _socket(kinds: Mapping[str, Mapping[str, dict[str, Any]]]) -> SocketApi | None:
    messages = kinds.get("AWS::ApiGatewayV2::Integration", {}).get("WebSocketMessage")
    if messages is None:
        return None
    function = messages["IntegrationUri"].partition(":function:")[2].partition(":")[0]
    stage = kinds["AWS::ApiGatewayV2::Stage"]["WebSocketStage"]["StageName"]
    return SocketApi(stage, messages["RequestTemplates"]["$default"], function)


def _gateway_headers(api: Mapping[str, Any]) -> dict[str, str]:
    headers = api["GatewayResponses"]["DEFAULT_5XX"]["ResponseParameters"]["Headers"]
    return {name: value.strip("'") for name, value in headers.items() if value.startswith("'")}


def _routes(functions: Mapping[str, dict[str, Any]]) -> tuple[Route, ...]:
    routes = [
        Route(event["Properties"]["Method"].upper(), event["Properties"]["Path"], name)
        for name, function in functions.items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    return tuple(sorted(routes, key=Route.rank))


def _schedules(functions: Mapping[str, dict[str, Any]]) -> tuple[Schedule, ...]:
    return tuple(
        Schedule(name, json.loads(event["Properties"]["Input"]), _seconds(event["Properties"]["ScheduleExpression"]))
        for name, function in functions.items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    )


def _seconds(rate: str) -> float:
    """Read a rate, such as ``rate(1 minute)``."""
    found = re.fullmatch(r"rate\((\d+) minutes?\)", rate)
    if found is None:
        raise ValueError(f"{rate} is no rate in minutes")
    return 60.0 * int(found[1])


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge as SAM does: maps by key, lists one after the other, everything else replaced."""
    merged = dict(shared)
    for name, value in own.items():
        there = merged.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            merged[name] = _merged(there, value)
        elif isinstance(there, list) and isinstance(value, list):
            merged[name] = there + value
        else:
            merged[name] = value
    return merged


@dataclass(frozen=True, slots=True)
class _Resolver:
    document: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for value in map(self, node) if value is not _ABSENT]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            if name in FUNCTIONS:
                return getattr(self, f"_{name.lower()}")(argument)
        resolved = {name: self(value) for name, value in node.items()}
        return {name: value for name, value in resolved.items() if value is not _ABSENT}

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self(self.document["Conditions"][condition]))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        if name in self.document["Parameters"]:
            parameter = self.document["Parameters"][name]
            value = self.parameters.get(name, parameter.get("Default", ""))
            return str(value).split(",") if parameter["Type"] == "CommaDelimitedList" else value
        function, alias, _ = name.partition(".Alias")
        return ARN.format(function) if alias else PSEUDO.get(name, name)

    def _getatt(self, name: str) -> str:
        return name.partition(".")[0]

    def _sub(self, text: str | list[Any]) -> str:
        template, own = (text, {}) if isinstance(text, str) else (text[0], self(text[1]))
        return re.sub(
            r"\$\{([^}]+)\}", lambda found: str(own[found[1]] if found[1] in own else self._named(found[1])), template
        )

    def _named(self, name: str) -> Any:
        return self._getatt(name) if "." in name else self._ref(name)

    def _join(self, argument: list[Any]) -> str:
        separator, values = argument
        return str(separator).join(map(str, self(values)))

    def _if(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self(yes if self.holds(condition) else no)

    def _equals(self, argument: list[Any]) -> bool:
        one, other = map(self, argument)
        return str(one) == str(other)

    def _not(self, argument: list[Any]) -> bool:
        return not self(argument[0])

    def _and(self, argument: list[Any]) -> bool:
        return all(map(self, argument))

    def _or(self, argument: list[Any]) -> bool:
        return any(map(self, argument))

    def _condition(self, argument: str) -> Any:
        known = argument in self.document["Conditions"]
        return self.holds(argument) if known else {"Condition": argument}


class _Loader(yaml.SafeLoader):
    """Reads the short forms, such as ``!Ref X``, as one-entry maps, such as ``{Ref: X}``."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if suffix not in FUNCTIONS:
        raise yaml.constructor.ConstructorError(None, None, f"!{suffix} is not resolved here", node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)
