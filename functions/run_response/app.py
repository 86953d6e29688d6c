"""Runs queued responses, and once a minute looks for those that nobody runs. It is invoked asynchronously."""

from antiphon.awslambda import init, logging
from antiphon.awslambda.worker import worker
from antiphon.bootstrap import worker_services

logging.configure("run-response")
handler = init.ready(worker(worker_services(), "run-response"))
