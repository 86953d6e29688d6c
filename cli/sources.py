"""Read agent documents from files, folders and stdin; a mistake is named by its file, document, field and line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from antiphon.manage.document import AgentDocument
from cli import files
from cli.explaining import explain
from cli.output import Refused

SUFFIXES: Final = (".yaml", ".yml", ".json")


class AgentFile(NamedTuple):
    """An agent's document, and the folder of its file: there are the files that it names."""

    document: AgentDocument
    folder: Path

    def read(self, name: str) -> bytes:
        """Return the content of a file that the document names.

        Raises:
            OSError: it cannot be read.
        """
        return (self.folder / name).read_bytes()


def read_agents(paths: Sequence[str]) -> list[AgentFile]:
    """Read all documents of files and of the folders' files.

    Raises:
        Refused: one cannot be read, a document is no agent, or an agent is there twice.
    """
    found: dict[str, str] = {}
    documents: list[AgentFile] = []
    for path in _files(paths):
        for document in _read(path):
            if document.id in found:
                where = "" if found[document.id] == path else f", first in {found[document.id]}"
                raise Refused(f"{path}: agent {document.id} is there twice{where}")
            found[document.id] = path
            documents.append(AgentFile(document, Path() if path == "-" else Path(path).parent))
    return documents


def _files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        folder = Path(path)
        if path == "-" or not folder.is_dir():
            yield path
            continue
        inside = sorted(str(file) for file in folder.iterdir() if file.suffix in SUFFIXES and file.is_file())
        if not inside:
            raise Refused(f"{path}: the folder has no file that ends in {', '.join(SUFFIXES)}")
        yield from inside


def _read(path: str) -> Iterator[AgentDocument]:
    parts = files.read_documents(path)
    if not parts:
        raise Refused(f"{path}: there is no document in it")
    for number, part in enumerate(parts, 1):
        try:
            yield AgentDocument.model_validate(part.value)
        except ValidationError as error:
            where = f"{path}: document {number}" if len(parts) > 1 else path
            raise Refused(f"{where}: {explain(error, AgentDocument, part.line)}") from None
