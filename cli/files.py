"""Documents in files: YAML or JSON in, YAML out. It must not know what a document is about.

What is read is plain JSON values and nothing else: a date in YAML stays the text it is, a key written twice is refused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from cli.answer import Refused

_ODD_BREAKS: Final = frozenset("\r\x85\u2028\u2029\ufeff")


class _Odd(Exception):
    """The document says what none of ours can mean."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        _refuse_repeated(names)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's)
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Write lines as a block, and in quotes what YAML counts as a line's end although it is none to people."""
    style = '"' if _ODD_BREAKS.intersection(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def read(path: str) -> list[Any]:
    """Read all documents of a file, or of stdin for ``-``; the elements of a list count as documents.

    Raises:
        Refused: there is no such file, or it is neither YAML nor JSON.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        documents = _parse(text)
        json.dumps(documents, allow_nan=False, ensure_ascii=False).encode()
        orjson.dumps(documents)  # as the stores and the service write them: integers of 64 bits
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    except UnicodeError:
        raise Refused(f"{path}: not UTF-8 text") from None
    except _Odd as error:
        raise Refused(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise Refused(f"{path}: {_place(error)}") from None
    except (ValueError, TypeError, RecursionError):
        raise Refused(f"{path}: holds what JSON cannot say") from None
    return [part for document in documents for part in (document if isinstance(document, list) else [document])]


def write(document: Any) -> str:
    """Write a document as YAML that ``read`` takes again, without the last line's end."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text.removesuffix("\n")


def _parse(text: str) -> list[Any]:
    try:
        return [json.loads(text, object_pairs_hook=_object)]
    except json.JSONDecodeError:
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


def _place(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())
