"""GET /v1/responses with an upgrade to a WebSocket, if the host has it."""

from __future__ import annotations

from fastapi import APIRouter

from antiphon.web.websocket.connection import connect
from antiphon.web.websocket.session import PATH

router = APIRouter()
router.add_websocket_route(PATH, connect)
