"""The routers of every deployment. Management and the WebSocket have their own, which not all deployments serve."""

from __future__ import annotations

from typing import Final

from antiphon.web.routes import (
    about,
    approvals,
    chat,
    conversations,
    conversing,
    create,
    deciding,
    models,
    responses,
)

_MODULES: Final = (create, chat, conversing, deciding, models, responses, conversations, approvals, about)

ROUTERS: Final = [module.router for module in _MODULES]
