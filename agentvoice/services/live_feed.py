"""What changes while somebody watches: calls that begin, move and end, threads that get on.

The database is looked at, once a second and for all who watch together, and only while anybody does. So
what other processes do is seen as well, and nothing that makes a call or sends a thread waits for a
watcher. A watcher that does not take its changes in time loses them, is told so, and reads the lists again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import structlog

from agentvoice.core.call import CallState
from agentvoice.core.ports import Clock
from agentvoice.errors import NotFound, Refused, StorageError, TimedOut
from agentvoice.protocols.documents import CallSummary, call_summary
from agentvoice.protocols.publication_documents import PublicationSummary
from agentvoice.services.publication_pages import read_publication_page
from agentvoice.storage import conversations
from agentvoice.storage.database import Database

LOOK_S = 1.0
"""How often the database is looked at."""

WATCHED = 50
"""Calls and threads that are looked at, the newest; an open call is followed however old it is."""

MAX_WAITING = 500
"""Changes that wait for one watcher; beyond it all of them are dropped and it is told to read anew."""

MAX_WATCHERS = 64

log = structlog.get_logger(__name__)

Summary = CallSummary | PublicationSummary


@dataclass(frozen=True, slots=True)
class Change:
    """A call or a thread as it is now, or None: changes were lost."""

    summary: Summary | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found at the last look, by call id."""

    calls: dict[str, CallSummary] = field(default_factory=dict)
    threads: dict[str, PublicationSummary] = field(default_factory=dict)

    def open_calls(self) -> list[CallSummary]:
        return [call for call in self.calls.values() if call.state != CallState.ENDED]


class Watcher:
    """One who watches. Use it as a context manager, or call `leave`."""

    def __init__(self, feed: LiveFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._waiting: deque[Change] = deque()
        self._came = asyncio.Event()
        self.is_over = False

    async def next(self, timeout_s: float) -> Change | None:
        """Return the next change; None if none comes in time, or the feed is over."""
        try:
            async with self._clock.deadline(timeout_s):
                while not self._waiting and not self.is_over:
                    self._came.clear()
                    await self._came.wait()
        except TimedOut:
            return None
        return self._waiting.popleft() if self._waiting else None

    def tell(self, summary: Summary) -> None:
        """Put a change behind those that wait."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.clear()
            self._waiting.append(Change(None))
        self._waiting.append(Change(summary))
        self._came.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.is_over = True
        self._came.set()

    def leave(self) -> None:
        """Watch no more."""
        self._feed.forget(self)


class LiveFeed:
    """Changes of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._watchers: list[Watcher] = []
        self._seen: _Seen | None = None
        self._looking: asyncio.Task[None] | None = None

    def watch(self) -> Watcher:
        """Begin to watch: first come the calls that are open now. Raises Refused if too many watch."""
        if len(self._watchers) >= MAX_WATCHERS:
            raise Refused(f"events: {MAX_WATCHERS} clients watch already, want fewer")
        watcher = Watcher(self, self._clock)
        self._watchers.append(watcher)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_again(), name="live feed")
        for call in self._seen.open_calls() if self._seen else ():
            watcher.tell(call)
        return watcher

    def forget(self, watcher: Watcher) -> None:
        """Tell this one nothing more; nobody looks when the last has gone."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)
        if not self._watchers and self._looking is not None:
            self._looking.cancel()
            self._looking = self._seen = None

    def close(self) -> None:
        """End every watcher: the process stops."""
        for watcher in tuple(self._watchers):
            watcher.end()
            self.forget(watcher)

    async def _look_again(self) -> None:
        while True:
            try:
                self._compare(await asyncio.to_thread(self._look))
            except StorageError as error:
                log.warning("live_feed_blind", error=str(error))
            await self._clock.sleep_until(self._clock.monotonic_s() + LOOK_S)

    def _look(self) -> _Seen:
        with self._database.reading() as session:
            calls = {call.id: call_summary(call) for call in conversations.list_calls(session, limit=WATCHED)}
            for old in self._seen.open_calls() if self._seen else ():
                if old.id not in calls:
                    try:
                        calls[old.id] = call_summary(conversations.get_call(session, old.id))
                    except NotFound:
                        continue  # deleted meanwhile
        threads = {each.call: each for each in read_publication_page(self._database, None, "", WATCHED)}
        return _Seen(calls, threads)

    def _compare(self, found: _Seen) -> None:
        """Tell what is not as it was; of the first look only what is open is news."""
        changed: list[Summary] = []
        if self._seen is None:
            changed += found.open_calls()
        else:
            before = self._seen
            changed += [call for key, call in found.calls.items() if before.calls.get(key) != call]
            changed += [thread for key, thread in found.threads.items() if before.threads.get(key) != thread]
        self._seen = found
        for summary in changed:
            for watcher in self._watchers:
                watcher.tell(summary)
