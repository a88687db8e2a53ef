from __future__ import annotations

import asyncio

import nostr_sdk
import pytest
from nostr_sdk import (
    LocalRelayBuilderNip42,
    LocalRelayBuilderNip42Mode,
    RateLimit,
    WritePolicy,
    WritePolicyResult,
)

from agentvoice.adapters.relay import EVENTS_A_LANE, OWN_LANES, WebsocketRelays
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import Relays, Signer
from agentvoice.errors import ConnectFailed, ConnectionLost, RelayRejected
from agentvoice.protocols.nostr.nip01 import encode_event
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import accept, refuse, relay_server

SHORT = RelaySettings(connect_timeout_s=2, ok_timeout_s=0.3, auth_timeout_s=0.3, fetch_timeout_s=0.5)
NEEDS_AUTH = LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.WRITE)


@pytest.fixture
def signer() -> KeySigner:
    return KeySigner.generate()


@pytest.fixture
async def relays(signer: KeySigner):
    async def find_signer(pubkey: str) -> Signer | None:
        return signer if pubkey == signer.pubkey else None

    opened: Relays = WebsocketRelays(SHORT, SystemClock(), find_signer)
    yield opened
    await opened.close()


async def note(signer: KeySigner, text: str = "hello", created_at: int = 1_700_000_000) -> SignedEvent:
    return await signer.sign(UnsignedEvent(signer.pubkey, created_at, 1, (("t", "test"),), text))


async def test_a_real_relay_takes_an_event_and_gives_it_back(relays: Relays, signer: KeySigner):
    """Published to rust-nostr's relay, read back the same, verified by rust-nostr."""
    event = await note(signer, "Grüße 😀\n\tzweite Zeile")
    async with local_relay() as address:
        answer = await relays.publish(address, event)
        assert answer.accepted
        (found,) = await relays.fetch(address, [{"ids": [event.id]}])
        assert found == event
        assert find_forgery(found) == ""
        assert nostr_sdk.Event.from_json(encode_event(found)).verify()


async def test_the_same_event_again_is_harmless(relays: Relays, signer: KeySigner):
    """A repeat of the same bytes is taken for what it is, and stored once."""
    event = await note(signer)
    async with local_relay() as address:
        await relays.publish(address, event)
        again = await relays.publish(address, event)
        assert again.accepted or again.message.startswith("duplicate:")
        assert len(await relays.fetch(address, [{"kinds": [1]}])) == 1


async def test_many_events_in_a_row(relays: Relays, signer: KeySigner):
    """Events sent from many tasks at once all get their own answer, over one connection."""
    events = [await note(signer, f"note {n}") for n in range(50)]
    async with relay_server() as server:
        answers = await asyncio.gather(*(relays.publish(server.address, event) for event in events))
        assert all(answer.accepted for answer in answers)
        assert {event["id"] for event in server.events} == {event.id for event in events}
        assert server.connections == 1


async def test_our_own_relay_has_several_connections(signer: KeySigner):
    """It commits event by event on a connection; many at once are spread, few stay together."""

    async def no_signer(pubkey: str) -> Signer | None:
        return None

    relays = WebsocketRelays(SHORT, SystemClock(), no_signer, is_own=lambda relay: True)
    events = [await note(signer, f"note {n}") for n in range(EVENTS_A_LANE * OWN_LANES * 2)]
    async with relay_server() as server:
        for event in events[:3]:
            assert (await relays.publish(server.address, event)).accepted
        assert server.connections == 1
        answers = await asyncio.gather(*(relays.publish(server.address, event) for event in events))
        assert all(answer.accepted for answer in answers)
        assert server.connections == OWN_LANES
        assert len({event["id"] for event in server.events}) == len(events)
    await relays.close()


async def test_auth_is_answered_when_a_real_relay_asks(relays: Relays, signer: KeySigner):
    """A relay that wants NIP-42 for writing gets it, then takes the event."""
    event = await note(signer)
    async with local_relay(nip42=NEEDS_AUTH) as address:
        answer = await relays.publish(address, event)
        assert answer.accepted, answer
        second = await relays.publish(address, await note(signer, "second"))
        assert second.accepted
        assert len(await relays.fetch(address, [{"authors": [signer.pubkey]}])) == 2


async def test_auth_as_somebody_we_hold_no_signer_for(relays: Relays):
    """Without the author's signer the relay's refusal is the answer."""
    async with local_relay(nip42=NEEDS_AUTH) as address:
        answer = await relays.publish(address, await note(KeySigner.generate()))
        assert not answer.accepted
        assert answer.message.startswith("auth-required:")


async def test_auth_is_never_answered_as_another(signer: KeySigner):
    """A key reference that has come to hold another key tells the relay nothing about its owner."""
    other = KeySigner.generate()

    async def find_signer(pubkey: str) -> Signer | None:
        return other

    relays = WebsocketRelays(SHORT, SystemClock(), find_signer)
    async with relay_server(refuse("auth-required: who are you")) as server:

        async def challenge(socket):
            await socket.send('["AUTH","prove it"]')

        server.on_connect = challenge
        answer = await relays.publish(server.address, await note(signer))
        assert (answer.accepted, [frame[0] for frame in server.frames]) == (False, ["EVENT"])
    await relays.close()


async def test_a_real_relay_limits_the_rate(relays: Relays, signer: KeySigner):
    """Beyond its notes per minute the relay's `rate-limited:` comes back as the answer."""
    async with local_relay(rate_limit=RateLimit(max_reqs=100, notes_per_minute=3)) as address:
        answers = [await relays.publish(address, await note(signer, str(n))) for n in range(6)]
        assert [answer.accepted for answer in answers][:3] == [True, True, True]
        assert answers[-1].message.startswith("rate-limited:")


async def test_a_real_relay_wants_work(relays: Relays, signer: KeySigner):
    """A relay with proof of work refuses with `pow:`."""
    async with local_relay(min_pow=32) as address:
        answer = await relays.publish(address, await note(signer))
        assert (answer.accepted, answer.message.partition(":")[0]) == (False, "pow")


class RefuseAll(WritePolicy):  # type: ignore[misc]  # nostr_sdk carries no types
    async def admit_event(self, event, socket_addr):
        return WritePolicyResult.REJECT("blocked: not welcome")


async def test_a_real_relay_refuses_by_policy(relays: Relays, signer: KeySigner):
    """The relay's own words reach the caller."""
    async with local_relay(write_policy=RefuseAll()) as address:
        answer = await relays.publish(address, await note(signer))
        assert not answer.accepted
        assert "not welcome" in answer.message


async def test_a_relay_that_comes_back_is_reached_again(relays: Relays, signer: KeySigner):
    """A connection that broke between two events is replaced without an error."""
    async with relay_server() as server:

        async def accept_and_close(socket, event):
            await accept(socket, event)
            await socket.close()

        server.on_event = accept_and_close
        for n in range(3):
            assert (await relays.publish(server.address, await note(signer, str(n)))).accepted
        assert server.connections == 3


async def test_a_new_connection_that_breaks_is_an_error(relays: Relays, signer: KeySigner):
    """A relay that closes on every event is ConnectionLost, not an endless loop."""

    async def hang_up(socket, event):
        await socket.close()

    async with relay_server(hang_up) as server:
        with pytest.raises(ConnectionLost, match="the connection broke"):
            await relays.publish(server.address, await note(signer))
        assert server.connections == 1


async def test_nobody_there(relays: Relays, signer: KeySigner):
    """A refused connection is ConnectFailed and names the relay."""
    async with relay_server() as server:
        address = server.address
    with pytest.raises(ConnectFailed, match=f"^{address}: no connection: "):
        await relays.publish(address, await note(signer))
    with pytest.raises(ConnectFailed):
        await relays.fetch(address, [{}])


async def test_the_relay_refuses_a_request(relays: Relays):
    """CLOSED becomes RelayRejected with the relay's words."""

    async def close_request(socket, frame):
        await socket.send(f'["CLOSED","{frame[1]}","restricted: members only"]')

    async with relay_server() as server:
        server.on_request = close_request
        with pytest.raises(RelayRejected, match="members only"):
            await relays.fetch(server.address, [{}])


async def test_after_close_it_can_be_used_again(relays: Relays, signer: KeySigner):
    """Closing drops every connection; the next use opens a new one."""
    async with relay_server() as server:
        await relays.publish(server.address, await note(signer))
        await relays.close()
        await relays.close()
        assert (await relays.publish(server.address, await note(signer))).accepted
        assert server.connections == 2
