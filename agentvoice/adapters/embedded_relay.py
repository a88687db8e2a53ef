"""The relay that the daemon itself runs: rust-nostr's LocalRelay over LMDB, on loopback.

Its store is reached through Python, some callbacks an event; they run on a loop in a thread of
their own, never on the one that carries audio.

One process owns a folder, by a lock file that also tells other processes the owner's address.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from nostr_sdk import (
    LocalRelay,
    LocalRelayBuilder,
    NostrLmdb,
    NostrSdkError,
    RateLimit,
    uniffi_set_event_loop,
)

from agentvoice.adapters.loop_thread import LoopThread
from agentvoice.errors import ConfigError, Refused

FOLDER_MODE = 0o700
FILE_MODE = 0o600
LOCK_FILE = "relay.lock"
MAX_ADDRESS_BYTES = 200
MAX_LOCK_TRIES = 1_000
"""A process that asks who runs the relay holds the lock for some microseconds: it is no owner."""
MAX_STOP_PROBES = 500
"""Connections tried after a shutdown until one is refused; a few are enough."""

# A relay of our own on loopback: our publisher alone sets the pace.
MAX_REQUESTS = 1_000
MAX_NOTES_PER_MINUTE = 1_000_000

_log = structlog.get_logger(__name__)


class EmbeddedRelay:
    """The relay of one folder. `port` 0 takes a free one; `address` is known once it runs."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self._folder = folder
        self._host = host
        self._port = port
        self._relay: LocalRelay | None = None
        self._aside: LoopThread | None = None
        self._lock: int | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """The ws:// address, empty while it does not run."""
        return self._address

    async def start(self) -> None:
        """Open the store and listen.

        Raises Refused (another process owns the folder, or it cannot be written) or ConfigError
        (the port is taken, the host is no address of this machine).
        """
        if self._relay is not None:
            return
        self._check_host()
        await asyncio.to_thread(self._take_lock)
        try:
            self._aside = LoopThread("embedded-relay")
            self._relay, self._address = await self._aside.run(self._run(self._aside.loop))
            self._tell_address()
        except BaseException:
            await self.stop()
            raise
        _log.info("embedded_relay_started", address=self._address)

    async def stop(self) -> None:
        """Stop listening, close the store, let the folder go; may be called twice."""
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.shutdown()
            await self._wait_until_deaf()
            del relay  # the last reference closes the store
            _log.info("embedded_relay_stopped", address=self._address)
        if self._aside is not None:
            uniffi_set_event_loop(None)  # nothing else of nostr_sdk may meet a loop that is gone
            await self._aside.stop()
            self._aside = None
        self._address = ""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)  # and with it the lock
            self._lock = None

    async def _run(self, aside: asyncio.AbstractEventLoop) -> tuple[LocalRelay, str]:
        # The relay's threads reach the store through Python, and must know on which loop.
        uniffi_set_event_loop(aside)
        limit = RateLimit(max_reqs=MAX_REQUESTS, notes_per_minute=MAX_NOTES_PER_MINUTE)
        try:
            store = await NostrLmdb.open(str(self._folder))
        except NostrSdkError as error:
            raise Refused(f"embedded relay: its store {self._folder} cannot be opened: {error}") from error
        builder = LocalRelayBuilder().addr(self._host).rate_limit(limit).database(store)
        if self._port:  # without one it takes a free port; told 0 it would hide which
            builder = builder.port(self._port)
        relay = builder.build()
        try:
            await relay.run()
        except NostrSdkError as error:
            raise ConfigError(
                f"relays.embedded_port: got {self._port} on {self._host}, want a free port"
                f" (0 takes any): {error}"
            ) from error
        return relay, str(await relay.url()).rstrip("/")

    async def _wait_until_deaf(self) -> None:
        """Wait until connections are refused: the relay's threads stop listening a little later."""
        address = urlsplit(self._address)
        if address.port is None:  # it never listened
            return
        for _ in range(MAX_STOP_PROBES):
            try:
                _, writer = await asyncio.open_connection(address.hostname, address.port)
            except OSError:
                return
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        # No warning: a busy machine is no fault, and a command that failed shall say one line only.
        _log.info("embedded_relay_still_listens", address=self._address)

    def _check_host(self) -> None:
        try:
            ipaddress.ip_address(self._host)
        except ValueError:
            raise ConfigError(
                f"relays.embedded_host: got {self._host!r}, want an IP address such as 127.0.0.1"
            ) from None

    def _take_lock(self) -> None:
        try:
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            lock = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise Refused(f"embedded relay: {self._folder} cannot be written: {error.strerror}") from error
        for _ in range(MAX_LOCK_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._lock = lock
                return
            os.sched_yield()
        os.close(lock)
        raise Refused(f"embedded relay: another agentvoice process runs it in {self._folder}")

    def _tell_address(self) -> None:
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, self._address.encode(), 0)


def find_running_relay(folder: Path) -> str:
    """Return the address of the relay that a process runs in `folder`, empty if none does."""
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:  # held: somebody runs it
        return os.pread(lock, MAX_ADDRESS_BYTES, 0).decode("ascii", errors="replace")
    finally:
        os.close(lock)
    return ""
