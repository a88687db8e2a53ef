"""What changes while somebody watches: calls that begin, move and end, threads that get on.

The database is looked at, once a second and for all who watch together, and only while anybody does. So
what other processes do is seen as well, and nothing that makes a call or sends a thread waits for a
watcher. A watcher that does not take its changes in time loses them, is told so, and reads the lists again.
One that may see its own calls alone is told of no other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from agentvoice.core.call import Call, CallState, PublicationState
from agentvoice.core.ports import Clock
from agentvoice.errors import NotFound, Refused, StorageBusy, StorageError, TimedOut
from agentvoice.protocols.documents import CallSummary, call_summary
from agentvoice.protocols.publication_documents import PublicationSummary
from agentvoice.services.publication_pages import read_publication_page
from agentvoice.storage import callers, conversations
from agentvoice.storage.database import Database

LOOK_S = 1.0
"""How often the database is looked at."""

WATCHED = 50
"""Calls and threads that are looked at, the newest; what is under way is followed however old it is."""

MAX_FOLLOWED = 500
"""Older threads that are followed until they are settled; a relay that is away for days holds up many."""

MAX_WAITING = 500
"""Changes that wait for one watcher; beyond it all of them are dropped and it is told to read anew."""

MAX_WATCHERS = 64

MAX_OWN_WATCHERS = 16
"""How many of them may be one caller's: it shall not keep the operator from watching."""

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
    callers: dict[str, str] = field(default_factory=dict)

    def open_calls(self) -> list[CallSummary]:
        return [call for call in self.calls.values() if call.state != CallState.ENDED]

    def threads_under_way(self) -> list[str]:
        """Ids of the calls whose threads are being sent, or may soon be."""
        sent = [key for key, thread in self.threads.items() if thread.state == PublicationState.QUEUED]
        return sorted({*sent, *(call.id for call in self.open_calls())})[-MAX_FOLLOWED:]


class Watcher:
    """One who watches, until `leave`. `caller`: whose calls it may see, None for all."""

    def __init__(self, feed: LiveFeed, clock: Clock, caller: str | None) -> None:
        self._feed = feed
        self._clock = clock
        self.caller = caller
        self._waiting: deque[Change] = deque()
        self._came = asyncio.Event()
        self.is_over = False

    async def begin(self, timeout_s: float) -> None:
        """Wait until it is known what is there now: whatever changes from then on will be told.

        Raises StorageBusy if the database could not be looked at in time.
        """
        try:
            async with self._clock.deadline(timeout_s):
                while not self._feed.has_looked and not self.is_over:
                    self._came.clear()
                    await self._came.wait()
        except TimedOut:
            raise StorageBusy("events: the database cannot be looked at now; ask again") from None

    def wake(self) -> None:
        """The first look was taken."""
        self._came.set()

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

    @property
    def has_looked(self) -> bool:
        """Whether it is known what is there, so that a change is seen."""
        return self._seen is not None

    def watch(self, caller: str | None = None) -> Watcher:
        """Begin to watch all, or a caller's own calls: first come those that are open now.

        Raises Refused if too many watch.
        """
        if len(self._watchers) >= MAX_WATCHERS:
            raise Refused(f"events: {MAX_WATCHERS} clients watch already, want fewer")
        if caller and sum(each.caller == caller for each in self._watchers) >= MAX_OWN_WATCHERS:
            raise Refused(f"events: you watch {MAX_OWN_WATCHERS} times already, want fewer")
        watcher = Watcher(self, self._clock, caller)
        self._watchers.append(watcher)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_again(), name="live feed")
        if self._seen is not None:
            self._tell(self._seen, self._seen.open_calls(), (watcher,))
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
        before = self._seen or _Seen()
        calls = {call.id: call for call in self._read_calls(before.open_calls())}
        threads = {each.call: each for each in read_publication_page(self._database, None, "", WATCHED)}
        older = [key for key in before.threads_under_way() if key not in threads]
        if older:
            followed = read_publication_page(self._database, None, "", len(older), calls=older)
            threads |= {each.call: each for each in followed}
        summaries = {key: call_summary(call) for key, call in calls.items()}
        return _Seen(summaries, threads, self._find_callers(before, calls.values(), threads))

    def _read_calls(self, open_before: list[CallSummary]) -> list[Call]:
        with self._database.reading() as session:
            found = list(conversations.list_calls(session, limit=WATCHED))
            newest = {call.id for call in found}
            for old in open_before:
                if old.id not in newest:
                    with suppress(NotFound):  # deleted meanwhile
                        found.append(conversations.get_call(session, old.id))
        return found

    def _find_callers(self, before: _Seen, calls: Iterable[Call], threads: Iterable[str]) -> dict[str, str]:
        known = {call.id: call.caller for call in calls}
        known |= {key: before.callers[key] for key in threads if key in before.callers}
        unknown = [key for key in threads if key not in known]
        if unknown:
            with self._database.reading() as session:
                known |= callers.callers_of(session, unknown)
        return known

    def _compare(self, found: _Seen) -> None:
        """Tell what is not as it was; of the first look only what is open is news."""
        changed: list[Summary] = []
        if self._seen is None:
            changed += found.open_calls()
            for watcher in self._watchers:
                watcher.wake()
        else:
            before = self._seen
            changed += [call for key, call in found.calls.items() if before.calls.get(key) != call]
            changed += [thread for key, thread in found.threads.items() if before.threads.get(key) != thread]
        self._seen = found
        self._tell(found, changed, self._watchers)

    def _tell(self, seen: _Seen, changed: Iterable[Summary], watchers: Iterable[Watcher]) -> None:
        """Tell watchers what they may know."""
        for summary in changed:
            caller = seen.callers.get(summary.id if isinstance(summary, CallSummary) else summary.call)
            for watcher in watchers:
                if watcher.caller is None or watcher.caller == caller:
                    watcher.tell(summary)
