"""Stored responses: read, follow, delete, cancel, and list what they were generated from; streamed by our runtime."""

from antiphon.awslambda import init, logging
from antiphon.awslambda.watch import watched
from antiphon.bootstrap import retrieve_app

logging.configure("get-response")
handler = init.ready(watched(retrieve_app(), "get-response"))
