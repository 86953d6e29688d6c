"""Compiles the operations of an OpenAPI document: what a model is shown, and where each argument goes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from antiphon.server_tools.auth import RESERVED
from antiphon.server_tools.http.openapi.document import ApiDocument, Node
from antiphon.server_tools.http.openapi.schemas import MAX_DESCRIPTION, arguments_schema, shortened
from antiphon.server_tools.http.request import STYLES

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
LONGEST_NAME: Final = 64

_STYLES: Final = {
    "path": {"simple", "label", "matrix"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}
_BODIES: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_OURS: Final = RESERVED | {"authorization"}
"""Headers that no argument sets."""
_IN_TEMPLATE: Final = re.compile(r"\{([^{}]+)\}")
_ODD_IN_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]+")
_ODD_IN_ARGUMENT: Final = re.compile(r"[^a-zA-Z0-9_.-]+")


class Operation(NamedTuple):
    """An operation of a document.

    Attributes:
        name: its name as a tool.
        names: all names by which a file may select it.
        method: in lower case.
        path: its template.
        item: the path's part of the document.
        node: its own part.
    """

    name: str
    names: frozenset[str]
    method: str
    path: str
    item: Node
    node: Node


@dataclass(frozen=True, slots=True)
class Compiled:
    """An operation that can be called.

    Attributes:
        description: for the model.
        parameters: JSON Schema of its arguments.
        how: see ``http.request``.
        notes: what an operator should know of it.
    """

    description: str
    parameters: dict[str, Any]
    how: dict[str, Any]
    notes: tuple[str, ...] = ()


def operations(document: ApiDocument) -> Iterator[Operation]:
    """Yield the operations of a document, each with a name that no other has.

    Raises:
        CannotCompile: the document is malformed.
    """
    taken: set[str] = set()
    paths = document.root.get("paths")
    if not isinstance(paths, dict):
        raise document.root.refuse("the document has no paths")
    for path in paths:
        if path.startswith("x-"):
            continue
        item = document.object(document.root["paths"][path])
        for method in METHODS:
            if method in item.value:
                node = document.object(item[method])
                said = _said(node, method, path)
                name = _unique(legal_name(said), taken)
                yield Operation(name, frozenset({said, name, f"{method.upper()} {path}"}), method, path, item, node)


def own_name(operation: Operation) -> str:
    """Return the name that an operation has if no other took it first."""
    return legal_name(_said(operation.node, operation.method, operation.path))


def _said(node: Node, method: str, path: str) -> str:
    """Return the name that a document has for an operation."""
    own = node.get("operationId")
    return own if isinstance(own, str) and own else f"{method}{path}"


def legal_name(text: str) -> str:
    """Return a name that every provider takes."""
    return _ODD_IN_NAME.sub("_", text).strip("_")[:LONGEST_NAME] or "operation"


def compiled(
    document: ApiDocument, operation: Operation, base: str, url: str | None, hidden: Collection[str]
) -> Compiled:
    """Compile an operation.

    Args:
        document: the document.
        operation: one of its operations.
        base: the URL of the document; empty if it has none.
        url: the server, if it is not the document's.
        hidden: headers and query parameters that credentials fill, in lower case.

    Raises:
        CannotCompile: something in it has no meaning here.
    """
    compiler = _Compiler(document, operation, hidden)
    compiler.add_parameters()
    compiler.add_body()
    written = arguments_schema(document, compiler.properties, compiler.required)
    if written.is_cut:
        compiler.notes.append("its arguments are described without their innermost parts, as they are very long")
    how: dict[str, Any] = {
        "method": operation.method.upper(),
        "server": (url or _server(document, operation, base)).rstrip("/"),
        "path": operation.path,
        "accept": _accepted(document, operation.node),
        "parameters": compiler.parameters,
    }
    if compiler.body:
        how["body"] = compiler.body
    return Compiled(_description(operation), written.schema, how, tuple(compiler.notes))


def _description(operation: Operation) -> str:
    said = [shortened(operation.node.get(key)) for key in ("summary", "description")]
    told = "\n".join(dict.fromkeys(filter(None, said)))
    return told[:MAX_DESCRIPTION] or f"{operation.method.upper()} {operation.path}"


def wanted_credentials(document: ApiDocument, operation: Operation) -> list[str]:
    """Return the security schemes that an operation needs; empty if it can be called without any."""
    node = operation.node if "security" in operation.node.value else document.root
    alternatives = node.get("security")
    if not isinstance(alternatives, list) or not alternatives or {} in alternatives:
        return []
    schemes = (document.root.get("components") or {}).get("securitySchemes") or {}
    first = alternatives[0] if isinstance(alternatives[0], dict) else {}
    return [_scheme(name, schemes.get(name)) for name in first]


def _scheme(name: str, scheme: Any) -> str:
    if not isinstance(scheme, dict):
        return name
    kind = scheme.get("type")
    if kind == "apiKey":
        return f"a key as {scheme.get('in')} {scheme.get('name')}"
    return f"{scheme.get('scheme')} authorization" if kind == "http" else str(kind)


def _unique(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found = f"{name[: LONGEST_NAME - 4]}_{number}"
        number += 1
    taken.add(found)
    return found


@dataclass(slots=True)
class _Compiler:
    document: ApiDocument
    operation: Operation
    hidden: Collection[str]
    properties: dict[str, Node] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add_parameters(self) -> None:
        """Compile the parameters of the path and of the operation; the operation's win."""
        found: dict[tuple[str, str], Node] = {}
        for source in (self.operation.item, self.operation.node):
            listed = source.get("parameters")
            for index in range(len(listed) if isinstance(listed, list) else 0):
                node = self.document.object(source["parameters"][index])
                found[str(node.get("in")), str(node.get("name"))] = node
        for (place, name), node in found.items():
            self._add(place, name, node)
        self._require_all_in_path({name for place, name in found if place == "path"})

    def _require_all_in_path(self, names: set[str]) -> None:
        there = set(_IN_TEMPLATE.findall(self.operation.path))
        if missing := sorted(there - names):
            raise self.operation.node.refuse(f"no parameter describes {{{missing[0]}}} of the path")

    def _add(self, place: str, name: str, node: Node) -> None:
        if place not in _STYLES:
            raise node.refuse(f"parameters cannot be in {place!r}")
        lower = name.lower()
        if lower in self.hidden or (place == "header" and lower in _OURS):
            return
        if place == "path" and f"{{{name}}}" not in self.operation.path:
            raise node.refuse(f"the path has no {{{name}}}")
        argument = self._argument(name, place)
        said: dict[str, Any] = {"argument": argument, "name": name, "in": place}
        schema = self._schema(node, said)
        if place == "path" or node.get("required") is True:
            said["required"] = True
            self.required.append(argument)
        self.parameters.append(said)
        self.properties[argument] = _described(schema, node.get("description"), "" if argument == name else name)

    def _schema(self, node: Node, said: dict[str, Any]) -> Node:
        """Return the schema of a parameter, and note how it is written."""
        content = node.get("content")
        if isinstance(content, dict) and content:
            kind = next(iter(content))
            said["content"] = kind
            media = node["content"][kind]
            return media["schema"] if "schema" in media.value else Node({}, media.place)
        usual = STYLES[said["in"]]
        style = node.get("style") or usual
        if style not in _STYLES[said["in"]]:
            raise node.refuse(f"a parameter in {said['in']} cannot have the style {style}")
        explode = node.get("explode")
        said |= {"style": style} if style != usual else {}
        said |= {"explode": explode} if isinstance(explode, bool) and explode != (style == "form") else {}
        said |= {"reserved": True} if node.get("allowReserved") is True and said["in"] == "query" else {}
        return node["schema"] if "schema" in node.value else Node({}, node.place)

    def _argument(self, name: str, place: str) -> str:
        """Return the argument's name: the parameter's, made legal, and kept apart from those of others."""
        legal = _ODD_IN_ARGUMENT.sub("_", name)[:LONGEST_NAME] or place
        same = next((said["in"] for said in self.parameters if said["argument"] == legal), place)
        return _unique(legal if same == place else f"{place}_{legal}", set(self.properties))

    def add_body(self) -> None:
        """Compile the request's body."""
        if "requestBody" not in self.operation.node.value:
            return
        node = self.document.object(self.operation.node["requestBody"])
        content = node.get("content")
        kinds = list(content) if isinstance(content, dict) else []
        chosen = _chosen(kinds)
        if chosen is None:
            if node.get("required") is True:
                raise node.refuse(f"a body of {', '.join(kinds) or 'no type'} cannot be written")
            self.notes.append(f"its body of {', '.join(kinds) or 'no type'}, which may be left out, is left out")
            return
        media = node["content"][chosen]
        argument = self._argument("body", "request")
        self.properties[argument] = media["schema"] if "schema" in media.value else Node({}, media.place)
        self.body = {"argument": argument, "type": _sent_as(chosen), **self._parts(media, chosen)}
        if node.get("required") is True:
            self.body["required"] = True
            self.required.append(argument)

    def _parts(self, media: Node, kind: str) -> dict[str, Any]:
        """Return what is special about the fields of a form."""
        encoding = media.get("encoding")
        styles = {
            name: {key: said[key] for key in ("style", "explode") if key in said}
            for name, said in (encoding if isinstance(encoding, dict) else {}).items()
            if isinstance(said, dict) and {"style", "explode"} & said.keys()
        }
        if kind != "multipart/form-data":
            return {"encoding": styles} if styles else {}
        files = self._files(media)
        return {"files": files} if files else {}

    def _files(self, media: Node) -> list[str]:
        if "schema" not in media.value:
            return []
        properties = self.document.object(media["schema"]).get("properties") or {}
        return sorted(
            name
            for name, said in properties.items()
            if isinstance(said, Mapping) and (said.get("format") == "binary" or "contentMediaType" in said)
        )


def _described(schema: Node, description: Any, name: str) -> Node:
    """Return a parameter's schema with the description of the parameter, and its name if the argument has another."""
    if not isinstance(schema.value, dict):
        return schema
    described = description or schema.value.get("description")
    said = [described] if isinstance(described, str) and described else []
    said += [f"Sent as {name}."] if name else []
    return Node({**schema.value, "description": " ".join(said)}, schema.place) if said else schema


def _chosen(kinds: list[str]) -> str | None:
    """Return the media type that a body is sent with; None if it can be written in none of them."""
    plain = {kind.partition(";")[0].strip().lower(): kind for kind in kinds}
    for usual in _BODIES:
        if usual in plain:
            return plain[usual]
    others = (kind for name, kind in plain.items() if name.endswith("+json") or name in ("*/*", "application/*"))
    return next(others, None)


def _sent_as(kind: str) -> str:
    plain = kind.partition(";")[0].strip().lower()
    return "application/json" if "*" in plain else plain


def _accepted(document: ApiDocument, node: Node) -> str:
    """Return what the header ``accept`` asks for: JSON if there is any."""
    kinds = [kind for _, _, listed in answers_of(document, node) for kind in listed]
    json = [kind for kind in kinds if "json" in kind]
    return ", ".join([*dict.fromkeys(json or kinds), "*/*;q=0.1"])[:256] if kinds else "*/*"


def answers_of(document: ApiDocument, node: Node) -> Iterator[tuple[str | int, Node, list[str]]]:
    """Yield the answers of an operation that are no errors: status, answer, and its media types."""
    responses = node.get("responses")
    for status in responses if isinstance(responses, dict) else ():
        if str(status).startswith("2") or status == "default":
            answer = document.object(node["responses"][status])
            content = answer.get("content")
            yield status, answer, list(content) if isinstance(content, dict) else []


def _server(document: ApiDocument, operation: Operation, base: str) -> str:
    """Return the address of the server of an operation.

    Raises:
        CannotCompile: the document has none that is whole.
    """
    for node in (operation.node, operation.item, document.root):
        if isinstance(node.get("servers"), list) and node.get("servers"):
            server = node["servers"][0]
            url = urljoin(base, _filled(server))
            if urlsplit(url).scheme in ("http", "https"):
                return url
            raise server.refuse("the address of the server is not whole; set `url`")
    if base:
        return urljoin(base, "/")
    raise document.root.refuse("the document names no server; set `url`")


def _filled(server: Node) -> str:
    """Return the address of a server with the defaults of its variables."""
    url, variables = server.get("url"), server.get("variables")
    if not isinstance(url, str):
        raise server.refuse("the server has no url")
    for name in _IN_TEMPLATE.findall(url):
        default = (variables or {}).get(name, {}).get("default") if isinstance(variables, dict) else None
        if default is None:
            raise server.refuse(f"the variable {name} of the server has no default; set `url`")
        url = url.replace(f"{{{name}}}", str(default))
    return url
