"""Whose turn it is, as the caller's display shows it."""

from __future__ import annotations

from agentvoice.core.leg import CallStatus, StatusChanged
from agentvoice.core.ports import CallerLeg
from agentvoice.core.turn_taking import STATUS, Turn, TurnEvent, next_turn


class TurnDisplay:
    """Follows the turns (core.turn_taking) of one call and shows them.

    A status of the call itself covers whose turn it is: a leg that takes turns by itself must not
    hear `listening` while nobody listens.
    """

    def __init__(self, leg: CallerLeg) -> None:
        self.turn = Turn.LISTENING
        self._leg = leg
        self._is_covered = False

    def move(self, event: TurnEvent) -> None:
        """Take a step; show it if it changes the turn."""
        turn = next_turn(self.turn, event)
        if turn is not self.turn:
            self.turn = turn
            if not self._is_covered:
                self._leg.show(StatusChanged(STATUS[turn]))

    def show_status(self, status: CallStatus) -> None:
        """Show a status of the call itself (connecting, switching, reconnecting, ended)."""
        self._is_covered = True
        self._leg.show(StatusChanged(status))

    def show_turn(self) -> None:
        """Show whose turn it is (after a status of the call)."""
        self._is_covered = False
        self._leg.show(StatusChanged(STATUS[self.turn]))

    def begin_session(self) -> None:
        """A new session listens: speech that the old one heard has no end in it."""
        self.turn = Turn.LISTENING
