"""Sends events of responses to the bus and to webhooks. The stream of the table calls it, and the queue."""

from antiphon.awslambda import init, logging
from antiphon.awslambda.events import sender
from antiphon.bootstrap import event_sender

logging.configure("send-events")
handler = init.ready(sender(event_sender(), "send-events"))
