"""POST /v1/responses, streamed by ``antiphon.awslambda.runtime``. Behind a Function URL it serves every route."""

from antiphon.awslambda import init, logging
from antiphon.awslambda.watch import watched
from antiphon.bootstrap import create_app

logging.configure("create-response")
handler = init.ready(watched(create_app(), "create-response"))
