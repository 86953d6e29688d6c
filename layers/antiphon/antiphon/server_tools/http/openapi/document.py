"""An OpenAPI document and the references in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from antiphon.errors import AntiphonError

MAX_BYTES: Final = 32 * 1024 * 1024
"""The largest document."""
_MAX_REFERENCES: Final = 32
"""How many references may follow each other."""


class CannotCompile(AntiphonError):
    """A part of a document cannot be used.

    Args:
        place: the part, as a JSON pointer.
        problem: what is wrong with it.
    """

    def __init__(self, place: str, problem: str) -> None:
        self.place = place
        super().__init__(f"{place}: {problem}")


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a document.

    Attributes:
        value: the part.
        place: where it is, as a JSON pointer.
    """

    value: Any
    place: str

    def __getitem__(self, key: str | int) -> Node:
        """Return a part of the part."""
        return Node(self.value[key], f"{self.place}/{str(key).replace('~', '~0').replace('/', '~1')}")

    def get(self, key: str) -> Any:
        """Return a field's value; None if it is missing."""
        return self.value.get(key)

    def refuse(self, problem: str) -> CannotCompile:
        """Return the refusal of this part."""
        return CannotCompile(self.place, problem)


class ApiDocument:
    """An OpenAPI document of version 3.0 or later.

    Args:
        contents: its JSON value.

    Raises:
        CannotCompile: it is none.
    """

    def __init__(self, contents: Any) -> None:
        self.root = Node(contents, "#")
        version = contents.get("openapi") if isinstance(contents, dict) else None
        if not isinstance(version, str) or not version.startswith("3."):
            told = "swagger 2.0, which must be converted to OpenAPI 3" if _is_swagger(contents) else "no OpenAPI 3"
            raise self.root.refuse(f"the document is {told}")
        self.is_3_0 = version.startswith("3.0")

    def object(self, node: Node) -> Node:
        """Return an object, or the one that it refers to.

        Raises:
            CannotCompile: it is no object, or refers to nothing.
        """
        for _ in range(_MAX_REFERENCES):
            if not isinstance(node.value, dict):
                raise node.refuse("this must be an object")
            reference = node.value.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self.at(reference, node)
        raise node.refuse("the references lead in a circle")

    def at(self, reference: str, source: Node) -> Node:
        """Return what a reference leads to.

        Args:
            reference: a JSON pointer within the document.
            source: where it stands.

        Raises:
            CannotCompile: it leads nowhere, or to another document.
        """
        if reference != "#" and not reference.startswith("#/"):
            raise source.refuse(f"$ref {reference} leads out of the document; put all of it into one file")
        node = self.root
        for key in steps_of(reference):
            value = node.value
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                node = node[int(key)]
            elif isinstance(value, dict) and key in value:
                node = node[key]
            else:
                raise source.refuse(f"$ref {reference} leads nowhere")
        return node


def steps_of(reference: str) -> list[str]:
    """Return the keys that a reference within a document leads through (RFC 6901)."""
    return [unquote(step).replace("~1", "/").replace("~0", "~") for step in reference.split("/")[1:]]


def read_document(content: bytes) -> ApiDocument:
    """Read a document in JSON or YAML.

    Raises:
        CannotCompile: it is neither, or no OpenAPI document.
    """
    try:
        text = content.decode("utf-8-sig")
        return ApiDocument(json.loads(text) if text.lstrip().startswith("{") else _yaml(text))
    except UnicodeDecodeError:
        raise CannotCompile("#", "the document is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise CannotCompile("#", "the document is neither JSON nor YAML") from None


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise CannotCompile("#", "YAML is read by the command `antiphon` alone; use JSON") from None

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Leaves dates as the texts that they are."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader=Loader)  # noqa: S506 - it is a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1})"
        raise CannotCompile("#", f"the document is neither JSON nor YAML{where}") from None


def _is_swagger(contents: Any) -> bool:
    return isinstance(contents, Mapping) and "swagger" in contents
