"""Stored responses: read, delete, cancel, and list what they were generated from."""

from antiphon.awslambda import init, logging
from antiphon.awslambda.buffered import buffered
from antiphon.awslambda.watch import watched
from antiphon.bootstrap import retrieve_app

logging.configure("get-response")
handler = init.ready(buffered(watched(retrieve_app(), "get-response")))
