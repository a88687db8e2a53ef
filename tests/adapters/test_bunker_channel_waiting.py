"""How long a bunker is waited for."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.bunker_channel import MOST_WAITS, SILENCE_REST_S, BunkerChannel
from agentvoice.errors import TimedOut
from agentvoice.protocols.nostr.nip46 import Method
from tests.fakes.bunker_channels import bunker_channels
from tests.fakes.clock import ManualClock
from tests.fakes.nostr_relays import local_relay
from tests.fakes.scripted_bunker import keep_silent, obey, scripted_bunker

PATIENCE_S = 20.0


@pytest.fixture
async def opened():
    async with bunker_channels() as open_channel:
        yield open_channel


async def ping(channel: BunkerChannel, timeout_s: float = PATIENCE_S) -> str:
    return await channel.ask(Method.PING, timeout_s=timeout_s)


async def test_silence_has_an_end_and_is_waited_for_once(opened):
    """After the time limit TimedOut; others are told at once; after a rest it is asked again."""
    clock = ManualClock()
    async with local_relay() as relay, scripted_bunker(relay, answer=keep_silent) as bunker:
        channel = opened(bunker.new_link(), clock)
        asking = asyncio.ensure_future(ping(channel, 20))
        await bunker.until_asked(1)
        await clock.advance(20)
        with pytest.raises(TimedOut, match="no answer within 20 s: its relays are reached") as caught:
            await asking
        assert caught.value.retryable
        with pytest.raises(TimedOut, match="not asked again for 30 s"):
            await ping(channel)
        assert len(bunker.asked) == 1
        bunker.answer = obey
        await clock.advance(SILENCE_REST_S)
        assert await ping(channel) == "pong"


async def test_a_bunker_that_serves_one_at_a_time_is_not_silent(opened):
    """Eight requests, each served after most of the time limit, are all answered."""
    clock = ManualClock()
    async with local_relay() as relay, scripted_bunker(relay, answer=keep_silent) as bunker:
        channel = opened(bunker.new_link(), clock)
        asking = asyncio.gather(*(ping(channel, 20) for _ in range(8)))
        await bunker.until_asked(8)
        for number, asked in enumerate(bunker.asked, 1):
            await clock.advance(15)
            await asked.answer("pong")
            async with asyncio.timeout(PATIENCE_S):
                while channel._served < number:
                    await clock.settle()
        assert await asking == ["pong"] * 8


async def test_one_that_is_passed_over_has_an_end(opened):
    """A bunker that answers all others but one is not waited for without end; nor does it rest."""
    clock = ManualClock()
    async with local_relay() as relay, scripted_bunker(relay, answer=keep_silent) as bunker:
        channel = opened(bunker.new_link(), clock)
        asking = asyncio.ensure_future(ping(channel, 20))
        await bunker.until_asked(1)
        bunker.answer = obey
        for _ in range(MOST_WAITS):
            assert not asking.done()
            await clock.advance(1)
            assert await ping(channel) == "pong"
            await clock.advance(19)
        with pytest.raises(TimedOut, match="no answer within 20 s"):
            await asking
        assert await ping(channel) == "pong"
