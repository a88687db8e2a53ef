from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.relay_auth import AUTH_ROUNDS
from agentvoice.adapters.signer import KeySigner
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import RelayAnswer
from tests.fakes.held_signers import relays_of
from tests.fakes.relay_server import RelayServer, accept, relay_server

SHORT = RelaySettings(connect_timeout_s=2, ok_timeout_s=2, auth_timeout_s=0.3)
OK = RelayAnswer(True, "")


class Guard:
    """A relay that takes events only of those who answered a challenge of this connection."""

    def __init__(self, server: RelayServer) -> None:
        self.server = server
        self.known: set[str] = set()
        self.challenges: set[str] = set()
        self.says_ok = True
        self.challenges_at_refusal = True
        self.is_never_content = False
        server.on_event, server.on_auth = self.take, self.know

    async def challenge(self, socket: Any) -> None:
        challenge = f"challenge {len(self.challenges)}"
        self.challenges.add(challenge)
        await socket.send(json.dumps(["AUTH", challenge]))

    async def take(self, socket: Any, event: dict[str, Any]) -> None:
        if event["pubkey"] in self.known and not self.is_never_content:
            await accept(socket, event)
            return
        if self.challenges_at_refusal:
            await self.challenge(socket)
        await socket.send(json.dumps(["OK", event["id"], False, "auth-required: who are you?"]))

    async def know(self, socket: Any, event: dict[str, Any]) -> None:
        assert dict(event["tags"])["challenge"] in self.challenges
        self.known.add(event["pubkey"])
        if self.says_ok:
            await accept(socket, event)

    @property
    def auths(self) -> list[str]:
        return [frame[1]["pubkey"] for frame in self.server.frames if frame[0] == "AUTH"]


@pytest.fixture
async def guard():
    async with relay_server() as server:
        yield Guard(server)


@pytest.fixture
def signers() -> list[KeySigner]:
    return [KeySigner.generate() for _ in range(3)]


@pytest.fixture
async def relays(signers: list[KeySigner]):
    async with relays_of(signers, SHORT) as opened:
        yield opened


async def notes(signers: list[KeySigner], count: int) -> list[SignedEvent]:
    return [
        await signer.sign(UnsignedEvent(signer.pubkey, 1_700_000_000, 1, (), f"note {number}"))
        for number in range(count)
        for signer in signers
    ]


async def test_once_for_each_author_however_many_fly(
    relays: WebsocketRelays, guard: Guard, signers: list[KeySigner]
):
    """Sixty events of three authors at once: three AUTH, all accepted."""
    events = await notes(signers, 20)
    answers = await asyncio.gather(*(relays.publish(guard.server.address, event) for event in events))
    assert answers == [OK] * 60
    assert sorted(guard.auths) == sorted(signer.pubkey for signer in signers)


async def test_one_challenge_serves_several_authors(
    relays: WebsocketRelays, guard: Guard, signers: list[KeySigner]
):
    """A relay that challenges once, when we connect, is answered for each author with that one."""
    guard.server.on_connect, guard.challenges_at_refusal = guard.challenge, False
    answers = [await relays.publish(guard.server.address, event) for event in await notes(signers, 1)]
    assert (answers, len(guard.auths)) == ([OK] * 3, 3)


async def test_auth_without_ok_is_enough(relays: WebsocketRelays, guard: Guard, signers: list[KeySigner]):
    """A relay that never answers AUTH takes the event all the same, once the wait is over."""
    guard.says_ok = False
    events = await notes(signers[:1], 10)
    answers = await asyncio.gather(*(relays.publish(guard.server.address, event) for event in events))
    assert (answers, len(guard.auths)) == ([OK] * 10, 1)


async def test_a_relay_that_is_never_content(relays: WebsocketRelays, guard: Guard, signers: list[KeySigner]):
    """It is told who we are some times, not once for each event."""
    guard.is_never_content = True
    events = await notes(signers[:1], 20)
    answers = await asyncio.gather(*(relays.publish(guard.server.address, event) for event in events))
    assert {answer.message for answer in answers} == {"auth-required: who are you?"}
    assert len(guard.auths) == AUTH_ROUNDS


async def test_no_challenge_is_waited_for_once(
    relays: WebsocketRelays, guard: Guard, signers: list[KeySigner]
):
    """Without a challenge the refusal is the answer, and the other events do not wait in a row."""
    guard.challenges_at_refusal = False
    events = await notes(signers[:1], 30)
    async with asyncio.timeout(3):  # thirty waits would be nine seconds
        answers = await asyncio.gather(*(relays.publish(guard.server.address, event) for event in events))
    assert {answer.accepted for answer in answers} == {False}
    assert guard.auths == []


async def test_asked_again_in_mid_connection(relays: WebsocketRelays, guard: Guard, signers: list[KeySigner]):
    """A relay that forgets us is told again, as often as it has taken something in between."""
    for event in await notes(signers[:1], 5):
        assert await relays.publish(guard.server.address, event) == OK
        guard.known.clear()
    assert (len(guard.auths), guard.server.connections) == (5, 1)
