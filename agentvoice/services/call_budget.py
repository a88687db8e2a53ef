"""The limits of one live call: the caller is warned, then hears why the call ends, and it ends.

What is said waits for a quiet moment and is asked of the session like a greeting. A session that
does not answer holds up nothing: the end has a limit of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from agentvoice.config import CallSettings
from agentvoice.core.budget import ENDINGS, MS_PER_S, Verdict, judge_call, next_look_ms, words_of
from agentvoice.core.call import CallState, EndReason
from agentvoice.core.leg import CallUpdate, SpendingChanged, WarningGiven
from agentvoice.core.ports import Clock
from agentvoice.core.turn_taking import Turn
from agentvoice.errors import TimedOut
from agentvoice.services.call_meter import CallMeter
from agentvoice.services.call_progress import CallProgress
from agentvoice.services.dialogue import Dialogue

log = structlog.get_logger(__name__)

QUIET_SHARE = 1 / 3
"""Part of the goodbye's time that it waits for others to finish; then they are interrupted."""

LOOK_S = 0.1
"""How often it looks whether it is quiet."""

StartTask = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class CallBudget:
    """Watches one call; `begin` is given how to run a task of the call, and how to end it.

    `show` is the caller's display: it is told each new cost, and each warning.
    """

    def __init__(
        self,
        meter: CallMeter,
        dialogue: Dialogue,
        progress: CallProgress,
        clock: Clock,
        settings: CallSettings,
        show: Callable[[CallUpdate], None],
    ) -> None:
        self._show = show
        self._shown_nano_usd = -1
        self._meter = meter
        self._dialogue = dialogue
        self._progress = progress
        self._clock = clock
        self._goodbye_s = settings.goodbye_timeout_s
        self._warned: set[Verdict] = set()
        self._is_ending = False
        self._money = asyncio.Event()
        self._since_s = clock.monotonic_s()

    def begin(self, start: StartTask, end: Callable[[EndReason], None]) -> None:
        """Watch time and money from now on."""
        self._start = start
        self._end = end
        self._meter.account.changed = self._money.set
        self._show_spending()
        self._start(self._watch_time(), "time limit")
        self._start(self._watch_money(), "budget")

    async def _watch_time(self) -> None:
        limits = self._meter.limits
        while not self._is_ending:
            due_s = self._since_s + next_look_ms(limits, self._elapsed_ms()) / MS_PER_S
            await self._clock.sleep_until(due_s)
            self._look()

    async def _watch_money(self) -> None:
        while not self._is_ending:
            await self._money.wait()
            self._money.clear()
            self._show_spending()
            self._look()

    def _show_spending(self) -> None:
        cost = self._meter.cost_nano_usd
        if cost != self._shown_nano_usd:  # else another call of the project spent something
            self._shown_nano_usd = cost
            self._show(SpendingChanged(cost, self._meter.is_estimate, self._elapsed_ms()))

    def _elapsed_ms(self) -> int:
        return round((self._clock.monotonic_s() - self._since_s) * MS_PER_S)

    def _look(self) -> None:
        verdict = judge_call(self._meter.limits, self._meter.spent(self._elapsed_ms()), self._warned)
        if verdict is Verdict.FINE or self._is_ending:
            return
        self._warned.add(verdict)
        words = words_of(verdict, self._meter.limits)
        log.info("call_limit", call=self._meter.account.call.id, verdict=verdict.value)
        self._dialogue.notice(words)
        self._show(WarningGiven(words))
        if verdict in ENDINGS:
            self._is_ending = True
            self._start(self._say_goodbye(words, ENDINGS[verdict]), "goodbye")
        else:
            self._start(self._say_warning(words), "warning")

    async def _say_warning(self, words: str) -> None:
        """Say it when nobody speaks; who speaks on and on has it in writing."""
        if await self._wait_for_quiet(self._goodbye_s) and not self._is_ending:
            self._dialogue.respond(words)

    async def _say_goodbye(self, words: str, reason: EndReason) -> None:
        try:
            async with self._clock.deadline(self._goodbye_s):
                if not await self._wait_for_quiet(self._goodbye_s * QUIET_SHARE):
                    self._dialogue.interrupt()
                if self._progress.is_in(CallState.LIVE):
                    self._dialogue.respond(words)
                    await self._wait_for_quiet(self._goodbye_s)
        except TimedOut:
            log.warning("goodbye_unheard", call=self._meter.account.call.id, limit_s=self._goodbye_s)
        self._end(reason)

    async def _wait_for_quiet(self, limit_s: float) -> bool:
        """Wait until nobody speaks or is about to; return whether that came within the limit."""
        until_s = self._clock.monotonic_s() + limit_s
        while not self._is_quiet:
            if self._clock.monotonic_s() >= until_s:
                return False
            await self._clock.sleep_until(min(until_s, self._clock.monotonic_s() + LOOK_S))
        return True

    @property
    def _is_quiet(self) -> bool:
        dialogue = self._dialogue
        is_over = dialogue.output.is_idle and not dialogue.owes_reply
        is_live = self._progress.is_in(CallState.LIVE)
        return is_live and is_over and dialogue.display.turn is Turn.LISTENING
