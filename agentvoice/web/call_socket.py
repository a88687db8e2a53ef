"""`/call`: one WebSocket is one call (protocols.callpage), or goes on with one that is held."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from agentvoice.adapters.web_audio import SocketLeg
from agentvoice.core.caller_pace import CallerPace
from agentvoice.core.client import PassKind
from agentvoice.errors import AgentVoiceError, NotFound, RemoteProtocolError, TimedOut
from agentvoice.protocols import callpage
from agentvoice.services.call_manager import CallManager, CallOutcome, CallRequest
from agentvoice.services.held_calls import HeldCall
from agentvoice.services.presence import Stay
from agentvoice.web.clients import CLIENT, Client, Scope, require
from agentvoice.web.keys import CALLS, HELD, PRESENCE

HEARTBEAT_S = 20.0
"""A client that answers no ping for this long is gone."""

START_TIMEOUT_S = 10.0
"""A client that opens a socket says within this time whom it calls."""

LATE_S = 1.0
"""How long a client that was told the end may take to close its socket: what it had sent by then still counts."""

HELD_TRANSPORT = "page"
"""Calls of pages are held when their socket is lost; a terminal that is gone will not come back."""


NO_MORE_LET_IN = 4401
TOO_FAST = 4429
"""Close codes, of those that applications choose: 4000 and the status that HTTP has for it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended; `why` is why its caller was put out, "" if that is not what ended it."""

    outcome: CallOutcome
    why: str

    def frame(self) -> callpage.Ended:
        """Return what the client is told."""
        error = self.why or str(self.outcome.error or "")
        return callpage.Ended(call=self.outcome.call_id, reason=self.outcome.reason.value, error=error)


async def call_socket(request: web.Request) -> web.WebSocketResponse:
    """Run a call for the client of this socket."""
    require(request, Scope.CALL)
    # compress=False: sound does not shrink, and deflate costs a buffer per socket.
    socket = web.WebSocketResponse(
        compress=False, autoping=False, max_msg_size=callpage.MAX_FRAME_BYTES, heartbeat=HEARTBEAT_S
    )
    await socket.prepare(request)
    code: int = WSCloseCode.OK
    try:
        code = await _serve(request, await _receive_first(socket), socket)
    except AgentVoiceError as error:
        refused = callpage.Refused(message=str(error), exit_code=error.exit_code)
        with suppress(ConnectionError):  # the client may be gone already
            await socket.send_str(callpage.encode_frame(refused))
    except ConnectionError:
        pass  # the client is gone; the call has ended and is kept
    finally:
        await socket.close(code=code)
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
) -> int:
    """Run the call, or go on with it, until it ends or is held for another socket; return the close code."""

    def abort() -> None:
        if request.transport is not None:  # None once the connection is lost
            request.transport.abort()

    transport = HELD_TRANSPORT if isinstance(first, callpage.Resume) else first.transport
    is_owner = request[CLIENT].came_by.kind is PassKind.OWNER  # whose recordings need not come in real time
    pace = None if is_owner else CallerPace()
    leg = SocketLeg(socket, transport, abort, request.app[CALLS].clock, pace)
    try:
        if isinstance(first, callpage.Resume):
            ending = await _resume(request, first, leg)
        else:
            ending = await _start(request, first, leg)
    finally:
        await leg.close()
    if ending is not None:
        await socket.send_str(callpage.encode_frame(ending.frame()))
        if ending.why:
            return NO_MORE_LET_IN
        if not leg.is_too_fast:
            await _hear_late(request.app[CALLS], ending.outcome.call_id, socket)
    return TOO_FAST if leg.is_too_fast else WSCloseCode.OK


async def _start(request: web.Request, start: callpage.Start, leg: SocketLeg) -> Ending | None:
    client = request[CLIENT]
    asked = CallRequest(start.agent, start.project, start.engine, client.caller, client.projects)
    if start.transport == HELD_TRANSPORT:

        def held_started(call: str, key: str) -> None:
            held.stay = _enter(request, call)
            leg.send(callpage.Started(call=call, key=key))

        held = request.app[HELD].begin(asked, start.transport, held_started)
        return await _follow(held, leg)
    with ExitStack() as until_ended:
        stays: list[Stay] = []

        def started(call: str) -> None:
            stays.append(_enter(request, call))
            until_ended.callback(stays[0].leave)
            leg.send(callpage.Started(call=call))

        outcome = await request.app[CALLS].run(asked, leg, started)
        return Ending(outcome, stays[0].why)


async def _resume(request: web.Request, resume: callpage.Resume, leg: SocketLeg) -> Ending | None:
    client = request[CLIENT]
    held = request.app[HELD].find(resume.call, resume.key, client.caller)
    if held.stay is not None:
        held.stay.client = client  # it may have signed in anew
    leg.send(callpage.Resumed(call=resume.call, played_samples=held.leg.heard_samples))
    return await _follow(held, leg, resume.lost_ms)


async def _follow(held: HeldCall, leg: SocketLeg, lost_ms: int | None = None) -> Ending | None:
    outcome = await held.follow(leg, lost_ms)
    return Ending(outcome, held.stay.why if held.stay else "") if outcome else None


def _enter(request: web.Request, call: str) -> Stay:
    """Note whose call it is: it is ended once they may not hold it any more."""
    calls = request.app[CALLS]
    project = calls.project_of(call)

    def may_stay(found: Client) -> bool:
        return Scope.CALL in found.scopes and found.may_call(project)

    def put_out() -> None:
        with suppress(NotFound):  # it is over already
            calls.end(call)

    return request.app[PRESENCE].enter(request[CLIENT], may_stay, put_out)


async def _hear_late(calls: CallManager, call_id: str, socket: web.WebSocketResponse) -> None:
    """Take a "do not publish" that was under way when the call ended. Raises Refused if it is too late."""
    with suppress(TimedOut):
        async with calls.clock.deadline(LATE_S):
            async for message in socket:
                frame = callpage.decode_client_frame(message.data) if message.type is WSMsgType.TEXT else None
                if isinstance(frame, callpage.DoNotPublish):
                    await calls.keep_unpublished(call_id)


ROUTES = [web.get("/call", call_socket)]
