"""The CLI's way to a running daemon: HTTP and one WebSocket per call over its control socket.

The CLI owns files and sound devices, the daemon owns the call: a caller leg of this process is
joined to the daemon's end over the call socket (protocols.callpage).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import aiohttp
from yarl import URL

from agentvoice.core.ports import CallerLeg
from agentvoice.errors import (
    AgentVoiceError,
    CallError,
    ConnectFailed,
    ConnectionLost,
    NotFound,
    Refused,
    TimedOut,
    UsageError,
)
from agentvoice.protocols import admin, callpage
from agentvoice.protocols.publication_documents import PublicationChange, decode_change

CONTROL_HOST = "http://daemon"
"""Host of the address; a Unix socket has none, HTTP wants one."""

JSON = {"Content-Type": "application/json"}

ANSWER_TIMEOUT_S = 40.0
"""A handover by new session is the longest thing asked for: its connect timeout and some."""

ERRORS: dict[int, type[AgentVoiceError]] = {2: UsageError, 3: NotFound, 4: Refused}
"""The exception for an answer's exit code."""


class DaemonClient:
    """A client of the daemon behind the control socket at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def is_up(self) -> bool:
        """Whether a daemon answers on the socket."""
        if not self._path.is_socket():
            return False
        try:
            async with self._session() as http, http.get(f"{CONTROL_HOST}/healthz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def switch(self, call_id: str, agent: str) -> None:
        """Hand a live call over; raises what the daemon answers."""
        await self._post(
            f"/api/v1/calls/{_part(call_id)}/switch", admin.encode(admin.SwitchCall(agent=agent))
        )

    async def end(self, call_id: str) -> None:
        """End a live call; raises what the daemon answers."""
        await self._post(f"/api/v1/calls/{_part(call_id)}/end", b"{}")

    async def retry_publication(self, call_id: str, relay: str = "") -> PublicationChange:
        """Queue a thread again, and have it sent at once; raises what the daemon answers."""
        body = admin.encode(admin.OfRelay(relay=relay))
        return decode_change(await self._post(f"/api/v1/publications/{_part(call_id)}/retry", body))

    async def _post(self, path: str, body: bytes) -> bytes:
        try:
            async with (
                self._session() as http,
                http.post(URL(CONTROL_HOST + path, encoded=True), data=body, headers=JSON) as answer,
            ):
                document = await answer.read()
                if answer.status >= 400:
                    raise _error_of(admin.decode_failure(document))
                return document
        except TimeoutError as error:
            raise TimedOut(f"daemon: no answer after {ANSWER_TIMEOUT_S:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectFailed(f"daemon: {error}") from error

    async def run_call(
        self, start: callpage.Start, leg: CallerLeg, started: Callable[[str], None] = lambda call: None
    ) -> callpage.Ended:
        """Run a call with a leg of this process; return how it ended.

        Raises the daemon's refusal, or ConnectionLost when the daemon goes away.
        """
        try:
            async with self._session() as http, self._connect(http) as socket:
                await socket.send_str(callpage.encode_frame(start))
                feeder = asyncio.ensure_future(_feed(leg, socket))
                try:
                    ended = await _follow(leg, socket, started)
                finally:
                    feeder.cancel()
                    await leg.close()
                    await asyncio.wait({feeder})
                if not feeder.cancelled() and (failure := feeder.exception()) is not None:
                    raise failure  # the leg's own: the daemon only knows that it hung up
                return ended
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"daemon: {error}") from error

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(self._path)),
            timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S),
        )

    def _connect(self, http: aiohttp.ClientSession) -> aiohttp.client._WSRequestContextManager:
        return http.ws_connect(
            f"{CONTROL_HOST}/call",
            max_msg_size=callpage.MAX_FRAME_BYTES,
            timeout=aiohttp.ClientWSTimeout(ws_close=5.0),
        )


async def _feed(leg: CallerLeg, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
    """Send what the leg's caller does until it hangs up; a leg that ends or fails has hung up.

    Raises the leg's failure.
    """
    with suppress(ConnectionError):  # who follows the daemon sees the same
        try:
            async for event in leg.events():
                frame = callpage.client_frame(event)
                if isinstance(frame, bytes):
                    await socket.send_bytes(frame)
                else:
                    await socket.send_str(callpage.encode_frame(frame))
        except Exception:
            await socket.send_str(callpage.encode_frame(callpage.HangUp()))
            raise
        await socket.send_str(callpage.encode_frame(callpage.HangUp()))


async def _follow(
    leg: CallerLeg, socket: aiohttp.ClientWebSocketResponse[bool], started: Callable[[str], None]
) -> callpage.Ended:
    """Give the leg what the daemon sends until the call has ended."""
    async for message in socket:
        if message.type is aiohttp.WSMsgType.BINARY:
            leg.play(callpage.decode_sound(message.data))
            continue
        if message.type is not aiohttp.WSMsgType.TEXT:
            break
        frame = callpage.decode_daemon_frame(message.data)
        match frame:
            case callpage.Started(call=call):
                started(call)
            case callpage.Clear():
                leg.clear_output()
            case callpage.Refused():
                raise ERRORS.get(frame.exit_code, CallError)(frame.message)
            case callpage.Ended():
                return frame
        update = callpage.call_update(frame)
        if update is not None:
            leg.show(update)
    raise ConnectionLost("daemon: it closed the call socket before the call had ended")


def _part(name: str) -> str:
    """Return what was typed as one part of a path, whatever is in it."""
    return quote(name, safe="")


def _error_of(failure: admin.Failure) -> AgentVoiceError:
    return ERRORS.get(failure.exit_code, CallError)(failure.error)
