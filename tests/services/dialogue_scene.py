"""A dialogue alone, with everything around it faked."""

from __future__ import annotations

from itertools import count

from agentvoice.core.conversation import Conversation
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import OutputCleared, Played
from agentvoice.core.speech import (
    AudioDelta,
    ItemAdded,
    ItemDone,
    ItemTextDelta,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SpeechCommand,
)
from agentvoice.services.dialogue import Dialogue
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.clock import ManualClock
from tests.fakes.speech_session import sound


class Sink:
    """Keeps finished items as the record would."""

    def __init__(self) -> None:
        self.rows: dict[str, Item] = {}

    def item(self, item: Item) -> None:
        self.rows[item.id] = item


class Scene:
    """A dialogue with everything around it faked."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.leg = FakeLeg()
        self.sink = Sink()
        self.told: list[SpeechCommand] = []
        self.heard_texts: list[str] = []
        numbers = count(1)
        self.dialogue = Dialogue(
            Conversation("ada", lambda: f"id{next(numbers)}"),
            self.leg,
            self.sink.item,
            self.clock,
            self.told.append,
            self.heard_texts.append,
        )
        self.dialogue.join_session(aligned=True)

    def reply(self, response: str, text: str, ms: int, *, end: bool = True) -> str:
        """The agent says `text` in `ms` of sound; return its item ref."""
        ref = f"of-{response}"
        self.dialogue.response_started(ResponseStarted(response))
        self.dialogue.item(ItemAdded(ref, ItemKind.MESSAGE, Role.AGENT, response))
        self.dialogue.item(ItemTextDelta(ref, text))
        self.dialogue.audio(AudioDelta(ref, 0, sound(ms), response))
        if end:
            self.end(response)
        return ref

    def end(self, response: str, status: ResponseStatus = ResponseStatus.COMPLETED) -> None:
        if status is ResponseStatus.COMPLETED:
            self.dialogue.item(ItemDone(f"of-{response}"))
        self.dialogue.response_ended(ResponseEnded(response, status))

    async def hear(self, ms: int) -> None:
        """The caller hears `ms`, and the leg's reports arrive."""
        self.leg.hear(ms)
        await self.reports()

    async def reports(self) -> None:
        """Deliver what the leg has reported."""
        while not self.leg._events.empty():
            match await self.leg._events.get():
                case Played(sample_count=samples):
                    self.dialogue.played(samples)
                case OutputCleared(sample_count=samples):
                    self.dialogue.output_cleared(samples)

    def told_of(self, *kinds: type) -> list[SpeechCommand]:
        return [command for command in self.told if isinstance(command, kinds)]

    @property
    def messages(self) -> list[tuple[str, ItemStatus]]:
        return [(item.text, item.status) for item in self.dialogue.conversation.items]
