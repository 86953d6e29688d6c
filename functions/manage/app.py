"""Management: agents, keys, people, limits, grants and responses, for management keys and for what users own."""

from antiphon.awslambda import init, logging
from antiphon.awslambda.buffered import buffered
from antiphon.awslambda.watch import watched
from antiphon.bootstrap import manage_app

logging.configure("manage")
handler = init.ready(buffered(watched(manage_app(), "manage")))
