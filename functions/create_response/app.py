"""POST /v1/responses, streamed by ``antiphon.awslambda.runtime``. Behind a Function URL it serves every route.

Behind the WebSocket API it decides who may connect, and answers each message.
"""

from antiphon.awslambda import init, logging
from antiphon.awslambda.watch import watched
from antiphon.awslambda.websocket import WithMessages
from antiphon.bootstrap import PushedMessages, create_app

service = "create-response"
logging.configure(service)
app = create_app()
handler = init.ready(WithMessages(watched(app, service), lambda: PushedMessages(app.state.services), service))
