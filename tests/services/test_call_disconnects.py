"""A call over a real socket whose connection breaks again and again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

from agentvoice.adapters.realtime_websocket import RealtimeEngine
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import OpenAIEngineSettings
from agentvoice.core.audio import AudioChunk
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import CallerAudio, CallStatus, HungUp, ItemChanged
from agentvoice.storage import agents
from tests.fakes.answering_server import Answering, BreakingOff, turn_sound, words_of
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.realtime_server import Link, ScriptedServer
from tests.services.conftest import ADA, House

DISCONNECTS = 200
TURN_CHUNKS = (3, 4, 5, 6)


class Talker(FakeLeg):
    """Hears everything at once and tells when an answer was heard to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, asyncio.Event] = {}
        self.said_in_gaps = 0

    def play(self, chunk) -> None:
        super().play(chunk)
        self.hear_all()

    def show(self, update) -> None:
        super().show(update)
        if isinstance(update, ItemChanged) and update.item.status is ItemStatus.COMPLETED:
            self.heard.setdefault(update.item.text, asyncio.Event()).set()

    async def say(self, words: list[AudioChunk]) -> None:
        """Speak chunk by chunk, while the call, the connection and the server go on."""
        while not self.shown:
            await asyncio.to_thread(int)
        for chunk in words:
            self.said_in_gaps += self.status is CallStatus.RECONNECTING
            self.do(CallerAudio(chunk))
            for _ in range(5):
                await asyncio.to_thread(int)

    async def answered(self, words: str) -> None:
        """Wait until the answer to these words was heard."""
        await self.heard.setdefault(f"You said {words}", asyncio.Event()).wait()


def messages(items: tuple[Item, ...], role: Role) -> list[Item]:
    return [item for item in items if item.kind is ItemKind.MESSAGE and item.role is role]


async def test_two_hundred_disconnects_lose_nothing_and_double_nothing(tmp_path: Path):
    """Every finished item is there, in order, once, and no chunk of the caller's sound is missing."""
    # The cuts fall anywhere: in the middle of speech, before and after transcripts, in answers, in the replay.
    breaking = BreakingOff(seed=20_261_125, count=DISCONNECTS)

    async def script(link: Link) -> None:
        await Answering(link, breaking).run()

    async with ScriptedServer(script) as server:
        breaking.server = server
        clock = SystemClock()
        engine = RealtimeEngine(OpenAIEngineSettings(url=server.url, api_key=""), clock)
        house = House(tmp_path)
        house.clock, house.engines = clock, {"openai": engine}  # type: ignore[assignment,dict-item]  # real
        house.settings = replace(
            house.settings, reconnect_first_s=0.05, max_reconnects_per_10_min=10_000, reconnect_retries=20
        )
        with house.database.writing() as session:
            quiet = replace(ADA, engines=("openai",), greeting="")
            agents.update_agent(session, quiet, clock.utc_ms())
        house.manager = house.new_manager()
        leg = Talker()
        call = house.start(leg=leg)
        said: list[str] = []
        lengths = random.Random(1)
        async with asyncio.timeout(100):
            while breaking.done < DISCONNECTS:
                turn, length = len(said) + 1, lengths.choice(TURN_CHUNKS)
                said.append(words_of([turn * 16 + place for place in range(length)]))
                await leg.say(turn_sound(turn, length))
                await leg.answered(said[-1])
        leg.do(HungUp())
        outcome = await call
        items = house.items(outcome.call_id)
        await house.close()
        await engine.close()

    assert len(server.links) > DISCONNECTS
    assert leg.said_in_gaps > 50
    assert [item.text for item in messages(items, Role.USER)] == said
    assert {item.status for item in messages(items, Role.USER)} == {ItemStatus.COMPLETED}
    answers = [item for item in messages(items, Role.AGENT) if item.status is ItemStatus.COMPLETED]
    assert list(dict.fromkeys(item.text for item in answers)) == [f"You said {words}" for words in said]
    assert [item.position for item in items] == sorted({item.position for item in items})
    shown = {item.id: item for item in leg.items.values() if item.is_finished}
    assert shown == {item.id: item for item in items}
    assert [item for item in items if item.kind is ItemKind.NOTICE] == []
