"""POST /v1/responses: streams, so it runs behind ``antiphon.aws.runtime``, which takes the ASGI application as it is.

Behind a Function URL it serves every route.
"""

from antiphon.aws import init, logging
from antiphon.aws.watch import watched
from antiphon.bootstrap import create_app

logging.configure("create-response")
handler = init.ready(watched(create_app(), "create-response"))
