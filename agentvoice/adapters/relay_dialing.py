"""Dialling relays: names are looked up aside, and a relay that failed rests before the next dial."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.proxy import get_proxy

from agentvoice.adapters.relay_words import show_address, show_reason
from agentvoice.config.settings import RelaySettings
from agentvoice.core.ports import Clock
from agentvoice.core.redial import redial_wait_s
from agentvoice.errors import ConnectFailed, TimedOut, TransportError

MAX_FRAME_BYTES = 1_048_576
"""A relay that sends more in one frame is cut off."""

MAX_UNREAD_FRAMES = 64
"""Answers to a window of events may come in one burst; beyond it the relay has to wait for us."""

CLOSE_TIMEOUT_S = 2.0

LOOKUP_THREADS = 4
"""Our own threads: a name server that hangs must not take those that the database works in."""

ADDRESS_TIMEOUT_S = 3.0
"""A host with several addresses is tried at the next one when this one does not answer."""

JITTER_BYTES = 4
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Dialer:
    """Opens sockets to relays. Close it to let its threads go."""

    def __init__(self, settings: RelaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="relay-lookup")

    async def dial(self, address: str) -> ClientConnection:
        """Connect to a ws:// or wss:// address; raises ConnectFailed or TimedOut."""
        shown = show_address(address)
        try:
            async with self._clock.deadline(self._settings.connect_timeout_s):
                return await self._connect(address)
        except TimedOut as error:
            limit_s = self._settings.connect_timeout_s
            raise TimedOut(f"{shown}: no connection within {limit_s:g} s") from error
        except (OSError, WebSocketException, ValueError, EOFError) as error:
            raise ConnectFailed(f"{shown}: no connection: {show_reason(error)}") from error

    def close(self) -> None:
        """Wait for no look-up any more; a later dial begins anew."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="relay-lookup")

    async def _connect(self, address: str) -> ClientConnection:
        connecting = _Connect(
            address,
            compression=None,  # some relays break on it, and events are small
            open_timeout=None,  # the deadline of `dial` is the one limit
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_FRAME_BYTES,
            max_queue=MAX_UNREAD_FRAMES,
            proxy=None if urlsplit(address).hostname in LOOPBACK else True,
            user_agent_header="agentvoice",
        )
        if connecting.finds_proxy():  # the proxy looks the name up
            return await connecting
        *others, last = await self._look_up(connecting.ws_uri.host, connecting.ws_uri.port)
        for host in others:
            try:
                async with self._clock.deadline(ADDRESS_TIMEOUT_S):
                    return await connecting.at(host)
            except (TimedOut, OSError):
                continue
        return await connecting.at(last)

    async def _look_up(self, host: str, port: int) -> list[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(
                self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
            return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Connect(connect):
    """A connection that follows no redirect: events go to the relays that the operator named."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc

    def finds_proxy(self) -> bool:
        """Whether the environment names a proxy for this address."""
        return self.proxy is True and get_proxy(self.ws_uri) is not None

    async def at(self, host: str) -> ClientConnection:
        """Connect at one IP address; the relay's name stays what its certificate must hold."""
        self.create_connection_kwargs["host"] = host
        self.create_connection_kwargs["port"] = self.ws_uri.port
        return await self


@dataclass(slots=True)
class Rest:
    """How one relay was last found: `failures` dials in a row failed, the next may be at `until_s`."""

    failures: int = 0
    until_s: float = 0.0
    reason: str = ""
    was_reached: bool = False

    def note_failure(self, error: TransportError, clock: Clock) -> None:
        """A dial failed; several that fail at the same time count as one."""
        if self.until_s > clock.monotonic_s():
            return
        jitter = int.from_bytes(clock.random_bytes(JITTER_BYTES), "big") / (1 << 8 * JITTER_BYTES)
        self.failures += 1
        self.until_s = clock.monotonic_s() + redial_wait_s(self.failures, jitter)
        self.reason = str(error)
        self.was_reached = False

    def note_success(self) -> None:
        """A dial succeeded."""
        self.failures, self.until_s, self.reason, self.was_reached = 0, 0.0, "", True

    def refuse_until_over(self, clock: Clock) -> None:
        """Raise ConnectFailed, saying for how long, while the relay rests."""
        left_s = self.until_s - clock.monotonic_s()
        if left_s > 0:
            raise ConnectFailed(f"{self.reason} (not dialled again for {left_s:.1f} s)")
