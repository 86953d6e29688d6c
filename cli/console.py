"""`antiphon console`: a page on this machine that manages a deployment with the operator's own credentials."""

from __future__ import annotations

import os
from argparse import Namespace

from antiphon.web.app import build_app
from antiphon.web.routes.admin import routers
from cli.output import Output, Refused
from cli.server import URLS, check_url
from cli.session import Session
from local.console.forwarding import forwarder
from local.console.gate import new_token
from local.console.host import Console, ConsoleFacts, address_of, operator_of, parts
from local.server import PortInUseError, Server, listen
from local.state import base_url_of


async def console(session: Session, args: Namespace) -> Output:
    """Serve the console until Ctrl-C.

    Raises:
        Refused: the port is in use, or the URL is none.
    """
    base_url = _base_url(session, args)
    try:
        listener = listen("127.0.0.1", args.port)
    except PortInUseError:
        raise Refused(f"port {args.port} is in use: name another, or none for a free one") from None
    token = new_token()
    facts = ConsoleFacts(session.tenant, _place(session), base_url, providers=tuple(session.providers))
    managing = build_app(session.services, routers, operators=operator_of)
    app = parts(("/v1/admin", managing), rest=forwarder(base_url))
    served = Console(app, token, facts, session.operator.actor.user, alone=True)
    address = address_of(listener.getsockname()[1], token)

    def ready() -> None:
        print(f"The console is at\n\n  {address}\n\nOnly who has this address can use it. Ctrl-C ends it.", flush=True)

    try:
        await Server(served, ready).serve([listener])
    finally:
        listener.close()
    return Output({"result": "ended"}, "")


def _base_url(session: Session, args: Namespace) -> str:
    """Return where the service answers: by the option, the stack or the environment, else on this machine."""
    named = next((os.environ[name] for name in URLS if os.environ.get(name)), "")
    of_stack = f"{session.api_url}/v1" if session.api_url else ""
    url = args.url or of_stack or named
    if not url and session.services.settings.database is not None:
        url = base_url_of(os.environ)
    return check_url(url) if url else ""


def _place(session: Session) -> str:
    settings = session.services.settings
    return str(settings.database) if settings.database else f"{settings.core_table}, {settings.responses_table}"
