"""Open the stores of a command's target, run the command, close them. No command creates a database silently."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from antiphon.bootstrap import build_services, build_stores
from antiphon.errors import ApiError, SettingsError, StorageUnavailable
from antiphon.manage.operator import Operator
from antiphon.manage.refusals import check_id
from antiphon.providers.configured import Providers
from cli import target
from cli.actor import actor_of
from cli.advice import refusal
from cli.output import Output, Refused
from cli.session import Session
from local.state import make_private


async def perform(args: Namespace, environ: Mapping[str, str]) -> Output:
    """Run a command on its deployment. Unless an option names it, the answer notes where that is.

    Raises:
        Refused: the command refuses, or there is no database and the command cannot begin one.
    """
    target.use_region(args, environ)
    logging.getLogger("antiphon").addHandler(logging.NullHandler())  # a failure is one line, without the log's
    where = target.find(args, environ)
    absent = _absent(where)
    if absent is None:
        return await _run_there(args, where)
    if args.begins:
        return _noted(await _begin(args, where, absent), f"made a new database, {absent}")
    if where.why:
        raise Refused(
            f"there is no database at {absent} ({where.why}). Run this in the folder of the server, or name a "
            "deployment with --database, --stack or a variable; `antiphon users put ada --role ADMIN` begins one"
        )
    try:
        return _noted(await _run_on_nothing(args, where), f"there is no database at {absent}, and none was made")
    except Refused as error:
        raise Refused(f"{error} (there is no database at {absent})") from None


async def _run_there(args: Namespace, where: target.Target) -> Output:
    place = _place(where)
    try:
        return _noted(await _run(args, where), place)
    except Exception as error:
        if place:
            error.add_note(place)  # most of all, what is not found here may be elsewhere
        raise


async def _begin(args: Namespace, where: target.Target, database: Path) -> Output:
    """Run a command on a new database, which does not stay if the command fails."""
    if where.is_local:
        make_private(database.parent)
    try:
        return await _run(args, where)
    except BaseException:
        for suffix in ("", "-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        raise


async def _run(args: Namespace, where: target.Target) -> Output:
    try:
        stores = build_stores(where.settings)
    except SettingsError as error:
        raise StorageUnavailable(str(error).replace("ANTIPHON_DATABASE", str(where.database))) from error
    tenant = args.tenant or "default"
    services = build_services(where.settings, stores, Providers(where.settings.providers, {}))
    session = Session(
        services=replace(services, provider_names=None),
        operator=Operator.of_store(await actor_of(args, tenant, where.settings)),
        api_url=where.api_url,
        providers=where.settings.providers,
        providers_are=where.providers_are,
        cache_seconds=0 if where.database else int(where.settings.cache_seconds),
    )
    try:
        check_id("tenant", tenant)
        return await _done(session, args)
    except ApiError as error:
        raise await refusal(session, error) from None
    finally:
        await stores.aclose()


async def _done(session: Session, args: Namespace) -> Output:
    answer: Output = await args.run(session, args)
    return answer


def _absent(where: target.Target) -> Path | None:
    """Return the database if it does not exist but can be made."""
    database = where.database
    if database is None or database.exists():
        return None
    return database if where.is_local or database.parent.is_dir() else None


async def _run_on_nothing(args: Namespace, where: target.Target) -> Output:
    with TemporaryDirectory(prefix="antiphon-") as folder:
        settings = where.settings.model_copy(update={"database": str(Path(folder, "empty.db"))})
        return await _run(args, replace(where, settings=settings))


def _place(where: target.Target) -> str | None:
    if not where.why:
        return None
    place = (
        f"the database {where.database}"
        if where.database
        else f"the tables {where.settings.core_table} and {where.settings.responses_table}"
    )
    return f"using {place} ({where.why})"


def _noted(answer: Output, note: str | None) -> Output:
    return answer if note is None else replace(answer, notes=(note, *answer.notes))
