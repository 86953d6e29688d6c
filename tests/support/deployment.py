"""Services over one kind of store, without a server, with a search through all that the store holds."""

from __future__ import annotations

from pathlib import Path

from antiphon.bootstrap import build_services, build_stores
from antiphon.manage.operator import Operator
from antiphon.providers.configured import Providers
from antiphon.records import Actor
from antiphon.settings import Settings
from local.lambda_host.dynamodb import Emulator
from tests.support.possessions import TENANT, rows_of_file, rows_of_tables
from tests.support.tables import CORE, RESPONSES

OPERATOR = Operator.of_store(Actor(TENANT, "root", "cli"))


class Deployment:
    """The services; the stores are to be closed.

    Args:
        folder: where the SQLite file is.
        emulator: the tables, in the place of a file.
    """

    def __init__(self, folder: Path, emulator: Emulator | None = None) -> None:
        self.kind = "dynamodb" if emulator else "sqlite"
        self.file = folder / "antiphon.db"
        self.emulator = emulator
        if emulator is None:
            self.settings = Settings(database=str(self.file), cache_seconds=0)
        else:
            place = {"core_table": CORE, "responses_table": RESPONSES, "aws_endpoint_url": emulator.url}
            self.settings = Settings(cache_seconds=0, **place)
        self.stores = build_stores(self.settings)
        self.services = build_services(self.settings, self.stores, Providers({}, {}))

    def rows(self) -> list[tuple[str, str]]:
        """Return all rows but those of the audit log, as text."""
        return list(rows_of_tables(self.emulator) if self.emulator else rows_of_file(self.file))

    def naming(self, *words: str) -> list[tuple[str, str]]:
        """Return the rows that have one of some words."""
        return [row for row in self.rows() if any(word in row[1] for word in words)]
