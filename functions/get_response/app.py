"""Stored responses: read, delete, cancel, and list what they were generated from."""

from antiphon.aws import init, logging
from antiphon.aws.buffered import buffered
from antiphon.aws.watch import watched
from antiphon.bootstrap import retrieve_app

logging.configure("get-response")
handler = init.ready(buffered(watched(retrieve_app(), "get-response")))
