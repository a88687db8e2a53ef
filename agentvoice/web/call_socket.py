"""`/call`: one WebSocket is one call (protocols.callpage), or goes on with one that is held."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import WSMsgType, web

from agentvoice.adapters.web_audio import SocketLeg
from agentvoice.errors import AgentVoiceError, RemoteProtocolError, TimedOut
from agentvoice.protocols import callpage
from agentvoice.services.call_manager import CallManager, CallOutcome, CallRequest
from agentvoice.web.clients import CLIENT, Scope, require
from agentvoice.web.keys import CALLS, HELD

HEARTBEAT_S = 20.0
"""A client that answers no ping for this long is gone."""

START_TIMEOUT_S = 10.0
"""A client that opens a socket says within this time whom it calls."""

LATE_S = 1.0
"""How long a client that was told the end may take to close its socket: what it had sent by then still counts."""

HELD_TRANSPORT = "page"
"""Calls of pages are held when their socket is lost; a terminal that is gone will not come back."""


async def call_socket(request: web.Request) -> web.WebSocketResponse:
    """Run a call for the client of this socket."""
    require(request, Scope.CALL)
    # compress=False: sound does not shrink, and deflate costs a buffer per socket.
    socket = web.WebSocketResponse(
        compress=False, max_msg_size=callpage.MAX_FRAME_BYTES, heartbeat=HEARTBEAT_S
    )
    await socket.prepare(request)
    try:
        outcome = await _serve(request, await _receive_first(socket), socket)
        if outcome is not None:
            await socket.send_str(callpage.encode_frame(_ended(outcome)))
            await _hear_late(request.app[CALLS], outcome.call_id, socket)
    except AgentVoiceError as error:
        refused = callpage.Refused(message=str(error), exit_code=error.exit_code)
        with suppress(ConnectionError):  # the client may be gone already
            await socket.send_str(callpage.encode_frame(refused))
    except ConnectionError:
        pass  # the client is gone; the call has ended and is kept
    finally:
        await socket.close()
    return socket


async def _receive_first(socket: web.WebSocketResponse) -> callpage.Start | callpage.Resume:
    try:
        message = await socket.receive(timeout=START_TIMEOUT_S)
    except TimeoutError:
        raise RemoteProtocolError(f"call socket: got no `start` within {START_TIMEOUT_S:g} s") from None
    frame = callpage.decode_client_frame(message.data) if message.type is WSMsgType.TEXT else None
    if not isinstance(frame, callpage.Start | callpage.Resume):
        raise RemoteProtocolError("call socket: the first frame must be `start` or `resume`")
    return frame


async def _serve(
    request: web.Request, first: callpage.Start | callpage.Resume, socket: web.WebSocketResponse
) -> CallOutcome | None:
    """Return how the call ended, None if it is held for another socket."""

    def abort() -> None:
        if request.transport is not None:  # None once the connection is lost
            request.transport.abort()

    leg = SocketLeg(socket, HELD_TRANSPORT if isinstance(first, callpage.Resume) else first.transport, abort)
    try:
        if isinstance(first, callpage.Resume):
            return await _resume(request, first, leg)
        return await _start(request, first, leg)
    finally:
        await leg.close()


async def _start(request: web.Request, start: callpage.Start, leg: SocketLeg) -> CallOutcome | None:
    client = request[CLIENT]
    asked = CallRequest(start.agent, start.project, start.engine, client.caller, client.projects)

    def started(call: str, key: str = "") -> None:
        leg.send(callpage.Started(call=call, key=key))

    if start.transport != HELD_TRANSPORT:
        return await request.app[CALLS].run(asked, leg, started)
    return await request.app[HELD].begin(asked, start.transport, started).follow(leg)


async def _resume(request: web.Request, resume: callpage.Resume, leg: SocketLeg) -> CallOutcome | None:
    held = request.app[HELD].find(resume.call, resume.key)
    leg.send(callpage.Resumed(call=resume.call, played_samples=held.leg.heard_samples))
    return await held.follow(leg, resume.lost_ms)


async def _hear_late(calls: CallManager, call_id: str, socket: web.WebSocketResponse) -> None:
    """Take a "do not publish" that was under way when the call ended. Raises Refused if it is too late."""
    with suppress(TimedOut):
        async with calls.clock.deadline(LATE_S):
            async for message in socket:
                frame = callpage.decode_client_frame(message.data) if message.type is WSMsgType.TEXT else None
                if isinstance(frame, callpage.DoNotPublish):
                    await calls.keep_unpublished(call_id)


def _ended(outcome: CallOutcome) -> callpage.Ended:
    error = str(outcome.error) if outcome.error else ""
    return callpage.Ended(call=outcome.call_id, reason=outcome.reason.value, error=error)


ROUTES = [web.get("/call", call_socket)]
