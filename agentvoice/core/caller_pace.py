"""How fast the client of a call socket may send: sound by its length, control frames by their number.

Sound comes in real time. What a stalled network held back comes all at once, and clocks differ a little:
both are allowed. Sound beyond that is dropped, for a while; who goes on is no caller, and neither is who
sends more control frames than a person and a player can cause.
"""

from __future__ import annotations

from agentvoice.core.rate_limit import Allowance
from agentvoice.errors import TooManyRequests

SOUND_RATE = 1.25
"""Seconds of sound taken in a second …"""
SOUND_AHEAD_S = 30.0
"""… and at once: as much as a network may hold back before the socket counts as lost."""

EXCESS_RATE = 1.0
"""Seconds of sound dropped in a second …"""
EXCESS_S = 60.0
"""… and at once, before the call is ended."""

REPORTS_PER_S = 100.0
"""`played` comes each 20 ms at most, the other reports once an answer …"""
REPORTS_AT_ONCE = 3_000.0
"""… and all of SOUND_AHEAD_S at once."""

PRESSES_PER_S = 5.0
"""What a person does: type, press a button. Pings and frames that break the format count as such …"""
PRESSES_AT_ONCE = 50.0
"""… and so many at once: a program may queue some."""

TYPED_PER_S = 1_000.0
"""Characters of typed turns: a call keeps all of them …"""
TYPED_AT_ONCE = 80_000.0
"""… and at once: ten turns of the longest."""

MS_PER_S = 1_000


class CallerPace:
    """The pace of one socket. Each method raises TooManyRequests for what ends the call."""

    __slots__ = ("_excess", "_presses", "_reports", "_sound", "_typed", "dropped_ms")

    def __init__(self) -> None:
        self.dropped_ms = 0
        """Sound that was dropped so far."""
        self._sound = Allowance(SOUND_RATE, SOUND_AHEAD_S)
        self._excess = Allowance(EXCESS_RATE, EXCESS_S)
        self._reports = Allowance(REPORTS_PER_S, REPORTS_AT_ONCE)
        self._presses = Allowance(PRESSES_PER_S, PRESSES_AT_ONCE)
        self._typed = Allowance(TYPED_PER_S, TYPED_AT_ONCE)

    def may_hear(self, duration_ms: int, now_s: float) -> bool:
        """Return whether sound is taken, else it is dropped."""
        duration_s = duration_ms / MS_PER_S
        if self._sound.take(duration_s, now_s):
            return True
        if not self._excess.take(duration_s, now_s):
            raise TooManyRequests(
                f"call socket: got more than {EXCESS_S:g} s of sound beyond {SOUND_RULE}, want it in real time"
            )
        self.dropped_ms += duration_ms
        return False

    def report(self, now_s: float) -> None:
        """Note a report of the player."""
        if not self._reports.take(1.0, now_s):
            raise TooManyRequests(
                f"call socket: got more than {REPORTS_AT_ONCE:,.0f} reports (`played` and the like) at once and"
                f" {REPORTS_PER_S:g} in a second, want `played` each 20 to 200 ms"
            )

    def press(self, now_s: float, typed: int = 0) -> None:
        """Note what a person does, or a frame that breaks the format; `typed` are a turn's characters."""
        if not self._presses.take(1.0, now_s):
            raise TooManyRequests(
                f"call socket: got more than {PRESSES_AT_ONCE:g} control frames at once and {PRESSES_PER_S:g} in a"
                " second, want fewer"
            )
        if not self._typed.take(typed, now_s):
            raise TooManyRequests(
                f"call socket: got more than {TYPED_AT_ONCE:,.0f} characters of `text` at once and {TYPED_PER_S:,.0f} in a"
                " second, want fewer"
            )


SOUND_RULE = f"{SOUND_AHEAD_S:g} s at once and {SOUND_RATE:g} s in a second"
"""What is taken, in words."""
