from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import cast

import pytest

from agentvoice.config.settings import PowSettings, PublishSettings
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.ports import Relays
from agentvoice.core.relay_limits import UNSAID, RelayLimits, pow_bits
from agentvoice.errors import ConnectFailed
from agentvoice.protocols.nostr.clean import NOTE_LIMIT, TextLimit
from agentvoice.services.thread_needs import ENVELOPE_BYTES, ThreadNeeds, ask_relays, fit_all
from tests.fakes.clock import ManualClock
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import accept, relay_server
from tests.services.press import CALL_ID, Press


@pytest.mark.parametrize(
    ("limits", "needs"),
    [
        ((), ThreadNeeds()),
        ((UNSAID,), ThreadNeeds()),
        ((RelayLimits(max_content_chars=10_000),), ThreadNeeds()),
        (
            (RelayLimits(max_content_chars=900), RelayLimits(max_content_chars=500)),
            ThreadNeeds(TextLimit(500)),
        ),
        ((RelayLimits(max_content_chars=100),), ThreadNeeds()),
        (
            (RelayLimits(max_message_bytes=ENVELOPE_BYTES + 700), RelayLimits(max_message_bytes=90_000)),
            ThreadNeeds(TextLimit(4_000, 700)),
        ),
        ((RelayLimits(max_message_bytes=ENVELOPE_BYTES + 50),), ThreadNeeds()),
        ((RelayLimits(min_pow_bits=8), RelayLimits(min_pow_bits=16)), ThreadNeeds(pow_bits=16)),
        ((RelayLimits(min_pow_bits=8), RelayLimits(min_pow_bits=17)), ThreadNeeds(pow_bits=8)),
    ],
)
def test_the_strictest_relay_that_can_be_suited_counts(limits, needs: ThreadNeeds):
    """What asks for too small notes, or too much work, is left to refuse them."""
    assert fit_all(limits, max_pow_bits=16) == needs


class Silent:
    """Relays of which one answers, one is not there, and one never says anything."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    async def limits(self, relay: str) -> RelayLimits:
        if relay == "ws://silent":
            await self._clock.sleep_until(1e9)
        return RelayLimits(max_content_chars=600)


async def test_a_silent_relay_is_not_waited_for():
    """After three seconds the others' word counts; an embedded relay that does not run has no say."""
    clock = ManualClock()

    def dial(name: str) -> str:
        if name == "embedded":
            raise ConnectFailed("embedded: the embedded relay is not running")
        return name

    names = ("embedded", "ws://silent", "ws://a")
    relays = cast(Relays, Silent(clock))
    asked = asyncio.create_task(ask_relays(relays, names, dial, clock, 16))
    await clock.settle()
    await clock.advance(3.1)
    assert await asked == ThreadNeeds(TextLimit(600))
    assert NOTE_LIMIT.chars == 4_000


class Documented:
    """Real relays, with the document that the one of rust-nostr does not serve."""

    def __init__(self, relays, limits: RelayLimits) -> None:
        self.publish, self.fetch, self.probe, self.close = (
            relays.publish,
            relays.fetch,
            relays.probe,
            relays.close,
        )
        self._limits = limits

    async def limits(self, relay: str) -> RelayLimits:
        return self._limits


@pytest.mark.parametrize(
    ("max_bits", "state"), [(12, PublicationState.PUBLISHED), (8, PublicationState.FAILED)]
)
async def test_a_relay_that_wants_work_gets_it(tmp_path: Path, max_bits: int, state: PublicationState):
    """A real relay that refuses events of less than 10 bits; more than we may do is refused in words."""
    settings = PublishSettings(pow=PowSettings(max_bits))
    async with local_relay(min_pow=10) as relay:
        press = Press(tmp_path, relay, settings=settings)
        press.finish_call()
        relays = Documented(press.relays, RelayLimits(min_pow_bits=10))
        publication = await press.publisher(relays=relays).wait_settled(CALL_ID, 20)
        assert publication.state is state
        if state is PublicationState.PUBLISHED:
            assert all(pow_bits(each.event.id) >= 10 for each in publication.events)
        else:
            assert {each.state for each in publication.deliveries} == {DeliveryState.REJECTED}
            assert "10" in publication.deliveries[0].last_answer
        await press.close()


@pytest.mark.parametrize(
    ("limitation", "is_as_wanted"),
    [
        ({"max_content_length": 300}, lambda event: len(event["content"]) <= 300),
        ({"min_pow_difficulty": 9}, lambda event: pow_bits(event["id"]) >= 9),
    ],
)
async def test_a_relays_own_document_decides(tmp_path: Path, limitation, is_as_wanted):
    """Read over HTTP (NIP-11) before signing; the thread is one for all relays: every note fits each."""
    async with relay_server(accept) as strict, local_relay() as other:
        strict.document = json.dumps({"name": "strict", "limitation": limitation})
        press = Press(tmp_path, other, strict.address)
        press.finish_call(turns=(("", "Tell me."), ("ada", "A word or two. " * 60)))
        publication = await press.publisher().wait_settled(CALL_ID, 20)
        assert publication.state is PublicationState.PUBLISHED
        assert (
            len(strict.events) == len(publication.events) == (5 if "max_content_length" in limitation else 3)
        )
        assert all(map(is_as_wanted, strict.events))
        await press.close()
