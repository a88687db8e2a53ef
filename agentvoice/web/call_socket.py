"""`/call`: one WebSocket is one call (protocols.callpage)."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import WSMsgType, web

from agentvoice.adapters.web_audio import SocketLeg
from agentvoice.errors import AgentVoiceError, RemoteProtocolError
from agentvoice.protocols import callpage
from agentvoice.services.call_manager import CallRequest
from agentvoice.web.clients import CLIENT, Scope, require
from agentvoice.web.keys import CALLS

HEARTBEAT_S = 20.0
"""A client that answers no ping for this long is gone."""

START_TIMEOUT_S = 10.0
"""A client that opens a socket says within this time whom it calls."""


async def call_socket(request: web.Request) -> web.WebSocketResponse:
    """Run a call for the client of this socket."""
    require(request, Scope.CALL)
    # compress=False: sound does not shrink, and deflate costs a buffer per socket.
    socket = web.WebSocketResponse(
        compress=False, max_msg_size=callpage.MAX_FRAME_BYTES, heartbeat=HEARTBEAT_S
    )
    await socket.prepare(request)
    try:
        start = await _receive_start(socket)
        ended = await _run(request, start, socket)
        await socket.send_str(callpage.encode_frame(ended))
    except AgentVoiceError as error:
        refused = callpage.Refused(message=str(error), exit_code=error.exit_code)
        with suppress(ConnectionError):  # the client may be gone already
            await socket.send_str(callpage.encode_frame(refused))
    except ConnectionError:
        pass  # the client is gone; the call has ended and is kept
    finally:
        await socket.close()
    return socket


async def _receive_start(socket: web.WebSocketResponse) -> callpage.Start:
    try:
        message = await socket.receive(timeout=START_TIMEOUT_S)
    except TimeoutError:
        raise RemoteProtocolError(f"call socket: got no `start` within {START_TIMEOUT_S:g} s") from None
    frame = callpage.decode_client_frame(message.data) if message.type is WSMsgType.TEXT else None
    if not isinstance(frame, callpage.Start):
        raise RemoteProtocolError("call socket: the first frame must be `start`")
    return frame


async def _run(request: web.Request, start: callpage.Start, socket: web.WebSocketResponse) -> callpage.Ended:
    def abort() -> None:
        if request.transport is not None:  # None once the connection is lost
            request.transport.abort()

    client = request[CLIENT]
    leg = SocketLeg(socket, start.transport, abort)
    try:
        outcome = await request.app[CALLS].run(
            CallRequest(start.agent, start.project, start.engine, client.caller, client.projects),
            leg,
            lambda call: leg.send(callpage.Started(call=call)),
        )
    finally:
        await leg.close()
    error = str(outcome.error) if outcome.error else ""
    return callpage.Ended(call=outcome.call_id, reason=outcome.reason.value, error=error)


ROUTES = [web.get("/call", call_socket)]
