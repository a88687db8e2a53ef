from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from nostr_sdk import LocalRelayBuilderNip42, LocalRelayBuilderNip42Mode
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from agentvoice.adapters.bunker_channel import LINGER_S, BunkerChannel
from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.secret import Secret
from agentvoice.errors import LocalProtocolError, SignerRefused, TimedOut
from agentvoice.protocols.nostr.nip01 import decode_event, encode_event
from agentvoice.protocols.nostr.nip19 import decode_secret
from agentvoice.protocols.nostr.nip46 import KIND, BunkerAddress, BunkerLink, Method
from tests.fakes.bunker_channels import bunker_channels
from tests.fakes.clock import ManualClock
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import accept, refuse, relay_server
from tests.fakes.scripted_bunker import Asked, keep_silent, scripted_bunker

PATIENCE_S = 20.0
DEAD = "ws://127.0.0.1:9"
KEY = KeySigner.generate()


@pytest.fixture
async def opened():
    async with bunker_channels() as open_channel:
        yield open_channel


async def ping(channel: BunkerChannel, timeout_s: float = PATIENCE_S) -> str:
    return await channel.ask(Method.PING, timeout_s=timeout_s)


async def test_answers_are_matched_by_id_in_any_order(opened):
    """Eight requests in flight are answered the last first, and each has its own answer."""
    waiting: list[Asked] = []

    async def answer_reversed(asked: Asked) -> None:
        waiting.append(asked)
        while len(waiting) == 8:
            for each in reversed(waiting):
                await each.answer(each.params[1])
            waiting.clear()

    async with local_relay() as relay, scripted_bunker(relay, answer=answer_reversed) as bunker:
        channel = opened(bunker.new_link())
        texts = [f"text {number}" for number in range(8)]
        asking = (channel.ask(Method.NIP44_ENCRYPT, KEY.pubkey, text, timeout_s=PATIENCE_S) for text in texts)
        assert await asyncio.gather(*asking) == texts
        assert len({asked.id for asked in bunker.asked}) == 8


async def test_repeats_and_answers_to_nobody_are_passed_over(opened):
    """An answer that comes twice, and one under an unknown id, do no harm; the next is its own."""

    async def answer_twice(asked: Asked) -> None:
        await asked.bunker.say(asked.client, json.dumps({"id": "stranger", "result": "pong"}))
        await asked.answer(f"pong {len(asked.bunker.asked)}")
        await asked.answer("again", "too late to be an error")

    async with local_relay() as relay, scripted_bunker(relay, answer=answer_twice) as bunker:
        channel = opened(bunker.new_link())
        assert [await ping(channel) for _ in range(3)] == ["pong 1", "pong 2", "pong 3"]


async def test_a_refusal_is_told_in_the_bunkers_words(opened):
    """What an error answer says, on one line."""
    async with local_relay() as relay, scripted_bunker(relay) as bunker:
        bunker.answer = lambda asked: asked.answer("", "not\non Sundays")
        with pytest.raises(SignerRefused, match=r"bunker npub1.*: refused: not on Sundays"):
            await ping(opened(bunker.new_link()))


async def test_a_bunker_that_wants_approval(opened):
    """Its address is logged and told in the error; the answer that follows under the same id counts."""
    clock = ManualClock()

    async def want_approval(asked: Asked) -> None:
        await asked.answer("auth_url", "https://bunker.example/approve?id=7")

    async with local_relay() as relay, scripted_bunker(relay, answer=want_approval) as bunker:
        channel = opened(bunker.new_link(), clock)
        with capture_logs() as logs:
            asking = asyncio.ensure_future(ping(channel, 20))
            await bunker.until_asked(1)
            async with asyncio.timeout(PATIENCE_S):
                while not logs:
                    await clock.settle()
            await clock.advance(20)
            with pytest.raises(TimedOut, match=r"open https://bunker\.example/approve\?id=7, then try again"):
                await asking
        assert logs[0]["open"] == "https://bunker.example/approve?id=7"

        async def approve(asked: Asked) -> None:
            await want_approval(asked)
            await asked.answer("pong")

        bunker.answer = approve
        assert await ping(channel) == "pong"


def _answer(by: KeySigner, to: str, text: str, kind: int = KIND) -> Any:
    async def build() -> SignedEvent:
        payload = await by.encrypt(to, text)
        return await by.sign(UnsignedEvent(by.pubkey, 1_700_000_000, kind, (("p", to),), payload))

    return build()


async def test_answers_of_others_are_ignored(opened):
    """A relay that passes on forgeries: another author, a bad signature, another kind, no answer at all."""
    bunker, mallory = KeySigner.generate(), KeySigner.generate()
    subscriptions: list[str] = []

    async def note_request(socket: ServerConnection, frame: list[Any]) -> None:
        subscriptions.append(frame[1])

    async def forge(socket: ServerConnection, event: dict[str, Any]) -> None:
        await accept(socket, event)
        request = decode_event(event)
        asked = json.loads(await bunker.decrypt(request.pubkey, request.content))
        client, lie = request.pubkey, json.dumps({"id": asked["id"], "result": "a lie"})
        true = await _answer(bunker, client, json.dumps({"id": asked["id"], "result": "pong"}))
        stolen = json.loads(encode_event(await _answer(bunker, client, lie)))
        events = [
            json.loads(encode_event(await _answer(mallory, client, lie))),
            {**json.loads(encode_event(await _answer(mallory, client, lie))), "pubkey": bunker.pubkey},
            {**stolen, "sig": stolen["sig"][::-1]},
            json.loads(encode_event(await _answer(bunker, client, lie, kind=1))),
            json.loads(encode_event(await _answer(bunker, mallory.pubkey, lie))),
            json.loads(encode_event(await _answer(bunker, client, "no JSON"))),
            json.loads(encode_event(await _answer(bunker, client, '{"result": "no id"}'))),
            json.loads(encode_event(true)),
        ]
        for each in events:
            await socket.send(json.dumps(["EVENT", subscriptions[-1], each]))

    async with relay_server(forge) as server:
        server.on_request = note_request
        address = BunkerAddress(bunker.pubkey, (server.address,))
        link = BunkerLink(address, Secret(decode_secret("", KeySigner.generate().reveal())))
        with capture_logs() as logs:
            assert await ping(opened(link)) == "pong"
        told = [log["event"] for log in logs if log["event"] == "bunker_answer_unreadable"]
        assert len(told) == 1  # three were; a broken bunker must not fill the log


async def test_after_a_broken_connection_it_is_asked_again(opened):
    """The same request, under its id, in another event: bunkers pass over one that they have seen."""
    clock = ManualClock()

    async def hang_up(socket: ServerConnection, event: dict[str, Any]) -> None:
        await socket.close()

    async with relay_server(hang_up) as server, local_relay() as relay:
        async with scripted_bunker(relay) as bunker:
            link = bunker.new_link()
            channel = opened(
                BunkerLink(BunkerAddress(bunker.signer.pubkey, (server.address,)), link.client), clock
            )
            asking = asyncio.ensure_future(ping(channel, 200))
            async with asyncio.timeout(PATIENCE_S):
                while len(server.events) < 4:
                    await clock.advance(0.1)
            first, last = server.events[0], server.events[-1]
            texts = [await bunker.signer.decrypt(each["pubkey"], each["content"]) for each in (first, last)]
            assert texts[0] == texts[1]
            assert first["id"] != last["id"]
            names = [frame[0] for frame in server.frames]
            assert names[:2] == ["REQ", "EVENT"] and names.count("REQ") > 1
            await clock.advance(200)
            with pytest.raises(TimedOut, match="the connection broke"):
                await asking


async def test_a_dead_relay_among_its_relays(opened):
    """The others suffice; and what comes over two of them is one answer."""
    async with local_relay() as one, local_relay() as two, scripted_bunker(one, two) as bunker:
        address = BunkerAddress(bunker.signer.pubkey, (DEAD, one, two))
        channel = opened(BunkerLink(address, bunker.new_link().client))
        assert [await ping(channel) for _ in range(3)] == ["pong"] * 3


@pytest.mark.parametrize("is_dead", [True, False])
async def test_why_nobody_could_be_asked(opened, is_dead: bool):
    """A relay that cannot be reached, or does not take the request, is named with its reason."""
    clock = ManualClock()
    async with relay_server(refuse("blocked: no strangers")) as server:
        relay = DEAD if is_dead else server.address
        channel = opened(BunkerLink(BunkerAddress(KEY.pubkey, (relay,)), Secret(b"\1" * 32)), clock)
        asking = asyncio.ensure_future(ping(channel, 5))
        async with asyncio.timeout(PATIENCE_S):
            while not channel._ways or not any(
                way.trouble and way.trouble != "not reached yet" for way in channel._ways
            ):
                await clock.settle()
        await clock.advance(5)
        reason = "no connection" if is_dead else "refused the request: blocked: no strangers"
        with pytest.raises(TimedOut, match=f"{relay}: {reason}"):
            await asking


async def test_a_relay_that_wants_to_know_who_asks(opened):
    """NIP-42: the client key answers AUTH before its request is taken."""
    auth = LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.WRITE)
    async with local_relay(nip42=auth) as relay, scripted_bunker(relay) as bunker:
        assert await ping(opened(bunker.new_link())) == "pong"


async def test_nobody_listens_when_nothing_is_asked(opened):
    """After a while the request to the relay is closed; the next question opens another."""
    clock = ManualClock()
    bunker = KeySigner.generate()
    async with relay_server() as server:
        link = BunkerLink(BunkerAddress(bunker.pubkey, (server.address,)), Secret(b"\1" * 32))
        channel = opened(link, clock)
        for round_number in (1, 2):
            asking = asyncio.ensure_future(ping(channel, 5))
            async with asyncio.timeout(PATIENCE_S):
                while len(server.events) < round_number:
                    await clock.settle()
                await clock.advance(5)
                with pytest.raises(TimedOut):
                    await asking
                await clock.advance(LINGER_S + 1)
                while server.frames[-1][0] != "CLOSE":
                    await clock.settle()
        assert [frame[0] for frame in server.frames] == ["REQ", "EVENT", "CLOSE"] * 2


async def test_what_is_too_long_to_ask(opened):
    """NIP-44's limit is told at once, and nothing is dialled."""
    channel = opened(BunkerLink(BunkerAddress(KEY.pubkey, (DEAD,)), Secret(b"\1" * 32)))
    with pytest.raises(LocalProtocolError, match="bytes to encrypt"):
        await channel.ask(Method.NIP44_ENCRYPT, KEY.pubkey, "x" * 70_000, timeout_s=PATIENCE_S)


async def no_signer(pubkey: str) -> None:
    return None


async def test_closing_ends_what_is_in_flight():
    """No task is left, and who waits is not kept for ever."""
    async with local_relay() as relay, scripted_bunker(relay, answer=keep_silent) as bunker:
        relays = WebsocketRelays(RelaySettings(), SystemClock(), no_signer)
        channel = BunkerChannel(bunker.new_link(), relays, SystemClock())
        asking = asyncio.ensure_future(ping(channel, 0.5))
        await bunker.until_asked(1)
        await channel.close()
        await relays.close()
        with pytest.raises(TimedOut):
            await asking
