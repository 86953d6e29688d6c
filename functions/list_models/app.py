"""GET /v1/models and what needs no store: health, documentation, and the answer to unknown paths."""

from antiphon.awslambda import init, logging
from antiphon.awslambda.buffered import buffered
from antiphon.awslambda.watch import watched
from antiphon.bootstrap import models_app

logging.configure("list-models")
handler = init.ready(buffered(watched(models_app(), "list-models")))
