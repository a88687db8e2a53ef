"""The end of a call that the agent asked for, as a table: it waits for the last words to be heard.

Who speaks over a farewell may want to go on. Speech holds the end up; words take it back; a noise
that turns out to be nothing lets it go on.
"""

from __future__ import annotations

from enum import StrEnum


class Farewell(StrEnum):
    """Whether the call is about to end."""

    NONE = "none"
    PENDING = "pending"
    """It ends as soon as the agent's last words were heard."""
    HELD_UP = "held_up"
    """The caller speaks over them."""


class FarewellEvent(StrEnum):
    """What moves the farewell on."""

    END_ASKED = "end_asked"
    SPEECH_STARTED = "speech_started"
    WORDS_HEARD = "words_heard"
    NOTHING_SAID = "nothing_said"


FAREWELLS: dict[Farewell, dict[FarewellEvent, Farewell]] = {
    Farewell.NONE: {
        FarewellEvent.END_ASKED: Farewell.PENDING,
        FarewellEvent.SPEECH_STARTED: Farewell.NONE,
        FarewellEvent.WORDS_HEARD: Farewell.NONE,
        FarewellEvent.NOTHING_SAID: Farewell.NONE,
    },
    Farewell.PENDING: {
        FarewellEvent.END_ASKED: Farewell.PENDING,
        FarewellEvent.SPEECH_STARTED: Farewell.HELD_UP,
        # A transcript may come late: these words may be those that asked for the end.
        FarewellEvent.WORDS_HEARD: Farewell.PENDING,
        FarewellEvent.NOTHING_SAID: Farewell.PENDING,
    },
    Farewell.HELD_UP: {
        FarewellEvent.END_ASKED: Farewell.PENDING,
        FarewellEvent.SPEECH_STARTED: Farewell.HELD_UP,
        FarewellEvent.WORDS_HEARD: Farewell.NONE,
        FarewellEvent.NOTHING_SAID: Farewell.PENDING,
    },
}


def next_farewell(farewell: Farewell, event: FarewellEvent) -> Farewell:
    """Return where the farewell stands after `event`; every event is possible at any time."""
    return FAREWELLS[farewell][event]
