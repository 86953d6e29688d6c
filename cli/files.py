"""Documents in files: YAML or JSON in, YAML out.

Only plain JSON values are read: a date in YAML stays the text it is, a key written twice is refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from antiphon.suggestion import meant
from cli import lines
from cli.output import Refused

_ODD_BREAKS: Final = frozenset("\r\x85\u2028\u2029\ufeff")


_TEXT_KEYS: Final = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")


class _Odd(Exception):
    """The document has something that YAML allows and none of our documents can have."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document, and its place in the text."""

    value: Any
    text: str
    index: int

    def line(self, location: Sequence[int | str]) -> int | None:
        """Return the line of a field, by its path from the document down; None if it cannot be found."""
        return lines.line_of(self.text, self.index, location)


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for index, key in enumerate(keys):
            line = key.start_mark.line + 1
            if key.tag not in _TEXT_KEYS:
                raise _Odd(f"line {line}: the key {self.construct_object(key)!r} is no text; put it in quotes")
            if any(key.value == earlier.value for earlier in keys[:index]):
                raise _Odd(f"line {line}: the key {key.value!r} is written twice in one object")
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's)
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Write several lines as a block; quote text with characters that YAML alone takes for line ends."""
    style = '"' if _ODD_BREAKS.intersection(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def read(path: str) -> list[Any]:
    """Read all documents as ``read_documents`` does, without their places."""
    return [part.value for part in read_documents(path)]


def read_documents(path: str) -> list[Document]:
    """Read all documents of a file, or of stdin for ``-``; the elements of a list count as documents.

    Raises:
        Refused: there is no such file, or it is neither YAML nor JSON.
    """
    text = ""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
        documents = _parse(text, is_json=path.endswith(".json"))
        json.dumps(documents, allow_nan=False, ensure_ascii=False).encode()
        orjson.dumps(documents)  # as the stores and the service write them: integers of 64 bits
    except FileNotFoundError:
        raise Refused(_absent(path)) from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    except UnicodeError:
        raise Refused(f"{path}: not UTF-8 text") from None
    except _Odd as error:
        raise Refused(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise Refused(f"{path}: {lines.explain(error, text)}") from None
    except json.JSONDecodeError as error:
        raise Refused(f"{path}: line {error.lineno}: not JSON: {error.msg[:1].lower()}{error.msg[1:]}") from None
    except (ValueError, TypeError, RecursionError):
        raise Refused(
            f"{path}: holds what JSON cannot say, such as .nan, a binary value or an anchor in itself"
        ) from None
    values = [part for document in documents for part in (document if isinstance(document, list) else [document])]
    return [Document(value, text, index) for index, value in enumerate(values)]


def _absent(path: str) -> str:
    """Return that there is no such file, with the file beside it that may have been meant."""
    folder = Path(path).parent
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    name = meant(Path(path).name, names)
    return f"{path}: no such file" + (f"; did you mean {folder / name}?" if name else "")


def write(document: Any) -> str:
    """Write a document as YAML that ``read`` takes again, without the last line's end."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text.removesuffix("\n")


def _parse(text: str, *, is_json: bool) -> list[Any]:
    try:
        return [json.loads(text, object_pairs_hook=_object)]
    except json.JSONDecodeError:
        if is_json and text.strip():
            raise
        documents = list(yaml.load_all(text, Loader=_Loader))
        _refuse_odd_keys(documents)
        return [document for document in documents if document is not None]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_repeated([name for name, _ in pairs])
    return dict(pairs)


def _refuse_repeated(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise _Odd(f"the key {name!r} is written twice in one object")


def _refuse_odd_keys(value: Any) -> None:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise _Odd(f"the key {key!r} is no text; put it in quotes")
        _refuse_odd_keys(list(value.values()))
    elif isinstance(value, list):
        for part in value:
            _refuse_odd_keys(part)
