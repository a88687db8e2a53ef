"""One publisher after another is killed, over one database and one real relay, until all is published."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO

from nostr_sdk import RateLimit

from agentvoice.adapters.system_clock import SystemClock
from tests.fakes.nostr_relays import local_relay
from tests.publisher_kills.ledger import Ledger
from tests.publisher_kills.verdict import check_database, check_relay
from tests.publisher_kills.wire import Life, Step, Wire
from tests.services.press import Press

ROOT = Path(__file__).parents[2]
LIFE_LIMIT_S = 60.0
AHEAD_MS = 120_000
"""Each publisher lives so much later than the one before: longer than any lock of the dead."""
MAX_FILTER_EVENTS = 100_000
MAX_NOTES_PER_MINUTE = 1_000_000
"""No limit: being slowed down by a relay is another test's."""
FINISH_LIMIT_S = 240.0
IDLE_SWEEPS = 4
POLL_S = 0.0005
PREPARED_LIMIT_S = 3.0
MAX_COUNT = 6
"""A kill waits for so many events at most: about as many as come anew with each point in the long form."""


class Phase(Enum):
    """What a publisher was at when it died."""

    STARTED = "started, nothing done yet"
    SIGNING = "prepare: claimed for signing, thread not stored"
    PREPARED = "prepare: thread stored, nothing claimed"
    CLAIMED = "claimed, the relay never saw it"
    SENT = "sent, not acknowledged"
    ANSWERED = "acknowledged, not recorded"
    RECORDED = "recorded"


class Aim(Enum):
    """Which moment a kill is aimed at; what it hits is another matter.

    Cards in the deck; the step that is waited for (none: time alone); how much later it may come (s).
    """

    ANY = (2, None, 0.25)
    PREPARE = (7, None, 0.05)
    PREPARED = (3, None, 0.0)
    ASKED = (3, Step.ASKED, 0.01)
    SENT = (2, Step.SENT, 0.002)
    STORED = (2, Step.STORED, 0.01)
    ANSWERED = (4, Step.ANSWERED, 0.008)

    def __init__(self, cards: int, step: Step | None, spread_s: float) -> None:
        self.cards = cards
        self.step = step
        self.spread_s = spread_s


@dataclass
class Report:
    """What was done and found."""

    seed: int
    points: int
    calls: int
    phases: Counter[Phase] = field(default_factory=Counter)
    events: int = 0
    sends: int = 0
    repeated: int = 0
    took_s: float = 0.0

    def text(self) -> str:
        lines = [
            f"kill -9 of the publisher: seed {self.seed}, {self.points} points, {self.calls} calls,"
            f" {self.took_s:.0f} s"
        ]
        lines += [f"  {self.phases[phase]:4d}  {phase.value}" for phase in Phase]
        lines.append(
            f"  {self.events} events on the relay, sent {self.sends} times; {self.repeated} repeats of what it had"
            f"\n  one complete thread per call, and the database agrees"
        )
        return "\n".join(lines)


class Series:
    """The calls, the publishers and the points of one run."""

    def __init__(self, folder: Path, wire: Wire, report: Report) -> None:
        self.wire = wire
        self.report = report
        self.random = random.Random(report.seed)
        self.press = Press(folder, wire.address)
        self.press.clock = SystemClock()  # type: ignore[assignment] # this press lives in real time
        self.ledger = Ledger(folder / "agentvoice.db")
        self.folder = folder
        self.turns: dict[str, tuple[tuple[str, str], ...]] = {}
        self.deck: list[Aim] = []
        self.left: Counter[str] = Counter()
        """How often each event's attempt was cut short by a death."""

    def end_calls(self, wanted: int) -> None:
        """Let calls end until there are so many."""
        while len(self.turns) < min(wanted, self.report.calls):
            number = len(self.turns) + 1
            speakers = [("", "ada", "max")[turn % 3] for turn in range(self.random.randint(3, 9))]
            turns = tuple(
                (who, f"Call {number}, turn {turn}: {who or 'me'}.") for turn, who in enumerate(speakers)
            )
            call_id = f"{number:08x}" * 4
            self.press.finish_call(call_id, turns)
            self.turns[call_id] = turns

    def _draw_aim(self) -> Aim:
        """Draw from a shuffled deck, so that a short run has some of each too."""
        if not self.deck:
            self.deck = [aim for aim in Aim for _ in range(aim.cards)]
            self.random.shuffle(self.deck)
        return self.deck.pop()

    async def spawn(self, log: IO[bytes]) -> Process:
        """Start a publisher, which waits for its word."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-X", "faulthandler", "-m", "tests.publisher_kills.victim", str(self.folder),
            cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=log,
        )  # fmt: skip

    async def live(self, victim: Process, point: int) -> None:
        """Let a publisher live to its point, kill it, and write down what it was at."""
        aim = self._draw_aim()
        share = (point + 1) * self.report.calls // self.report.points + 1
        ends_before = self.random.random() < 0.5
        if aim is Aim.PREPARED:
            self.end_calls(len(self.turns) + 1)
        elif ends_before or not self.ledger.has_work():
            self.end_calls(share if ends_before else len(self.turns) + 1)
        name, prepared = f"victim-{point}", self.ledger.prepared()
        life = self.wire.life = Life(_Trigger(aim, self.random, victim.pid).notice)
        await _begin(victim, name, (point + 1) * AHEAD_MS)
        await self._run_to_death(victim, aim, share, prepared)
        said = (self.folder / "victims.log").read_text()
        assert victim.returncode == -signal.SIGKILL, f"it ended by itself: {victim.returncode}\n{said}"
        self.report.phases[self._phase(life, name, prepared)] += 1
        self.left.update(self.ledger.attempting(name))

    async def _run_to_death(self, victim: Process, aim: Aim, share: int, prepared: int) -> None:
        assert victim.stdout is not None
        sweeps = 0
        async with asyncio.timeout(LIFE_LIMIT_S), asyncio.TaskGroup() as group:
            if aim is Aim.PREPARED:
                group.create_task(self._kill_when_prepared(victim, prepared))
            async for _ in victim.stdout:
                sweeps += 1
                if sweeps == 1:
                    if aim.step is None and aim is not Aim.PREPARED:
                        _kill_later(victim.pid, self.random.uniform(0, aim.spread_s))
                    self.end_calls(share)
                elif sweeps == IDLE_SWEEPS:  # there was nothing to do any more
                    os.kill(victim.pid, signal.SIGKILL)
            await victim.wait()

    async def _kill_when_prepared(self, victim: Process, before: int) -> None:
        """Kill at once when a thread is stored: the time until its events are claimed is short."""
        clock = self.press.clock
        ends_at_s = (
            clock.monotonic_s() + PREPARED_LIMIT_S
        )  # soon enough that no event is given up as unanswered
        while self.ledger.prepared() <= before and clock.monotonic_s() < ends_at_s:
            await clock.sleep_until(clock.monotonic_s() + POLL_S)
        with suppress(ProcessLookupError):
            victim.kill()

    def _phase(self, life: Life, name: str, prepared: int) -> Phase:
        if self.ledger.is_signing(name):
            return Phase.SIGNING
        attempting = self.ledger.attempting(name)
        if life.last is None:
            if attempting:
                return Phase.CLAIMED
            return Phase.PREPARED if self.ledger.prepared() > prepared else Phase.STARTED
        step, event = life.last
        if step is Step.ANSWERED:
            return Phase.ANSWERED if event in attempting else Phase.RECORDED
        return Phase.CLAIMED if step is Step.ASKED else Phase.SENT

    async def finish(self, victim: Process) -> None:
        """Let the last publisher do what is left."""
        self.end_calls(self.report.calls)
        self.wire.life = Life()
        await _begin(victim, "last", (self.report.points + 1) * AHEAD_MS)
        assert victim.stdout is not None
        async with asyncio.timeout(FINISH_LIMIT_S):
            async for _ in victim.stdout:
                if not self.ledger.has_work():
                    break
        victim.terminate()
        await victim.communicate()


class _Trigger:
    """Kills when the drawn number of events has come to the step; what would come after it is held."""

    def __init__(self, aim: Aim, draw: random.Random, pid: int) -> None:
        self._aim = aim
        self._at = draw.randint(1, MAX_COUNT)
        self._delay_s = draw.uniform(0, aim.spread_s) * draw.choice((0, 1))
        self._pid = pid
        self._answered = 0

    def notice(self, step: Step, count: int) -> bool:
        if self._aim in (Aim.PREPARE, Aim.PREPARED):
            return False
        if self._aim.step is None:
            return True
        if step is self._aim.step and count == self._at:
            _kill_later(self._pid, self._delay_s)
        if self._aim is Aim.ANSWERED:  # no more answers than wanted
            return step is not Step.STORED or count <= self._at
        return step is not self._aim.step or count < self._at


def _kill_later(pid: int, delay_s: float) -> None:
    if delay_s:
        asyncio.get_running_loop().call_later(delay_s, os.kill, pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)


async def _begin(victim: Process, name: str, ahead_ms: int) -> None:
    assert victim.stdin is not None and victim.stdout is not None
    async with asyncio.timeout(LIFE_LIMIT_S):
        assert await victim.stdout.readline() == b"ready\n"
    victim.stdin.write(f"{name} {ahead_ms}\n".encode())
    await victim.stdin.drain()


async def kill_publishers(folder: Path, points: int, calls: int, seed: int) -> Report:
    """Kill at so many points while so many calls are published; check what came of it."""
    report, began_s = Report(seed, points, calls), time.monotonic()
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(
            local_relay(
                default_filter_limit=MAX_FILTER_EVENTS,
                max_filter_limit=MAX_FILTER_EVENTS,
                rate_limit=RateLimit(max_reqs=MAX_FILTER_EVENTS, notes_per_minute=MAX_NOTES_PER_MINUTE),
            )
        )
        wire = await stack.enter_async_context(Wire(relay).opened())
        series = Series(folder, wire, report)
        stack.push_async_callback(series.press.close)
        log = stack.enter_context((folder / "victims.log").open("wb"))
        victim = await series.spawn(log)
        for point in range(points):
            following = await series.spawn(log)
            await series.live(victim, point)
            victim = following
        await series.finish(victim)
        assert (folder / "victims.log").read_text() == ""
        report.events = await check_relay(relay, series.turns, series.press.pubkeys, series.ledger)
        check_database(wire, series.ledger, series.left)
    report.sends = wire.sends.total()
    report.repeated = report.sends - report.events
    report.took_s = time.monotonic() - began_s
    return report
