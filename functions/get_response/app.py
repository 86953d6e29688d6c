"""Stored responses: read, delete, cancel, and list what they were generated from."""

from antiphon.aws import logging
from antiphon.aws.buffered import buffered
from antiphon.bootstrap import retrieve_app

logging.configure("get-response")
handler = buffered(logging.correlated(retrieve_app()))
