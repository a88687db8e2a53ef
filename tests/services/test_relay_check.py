from __future__ import annotations

import json

import pytest
from nostr_sdk import LocalRelayBuilderNip42, LocalRelayBuilderNip42Mode

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.ports import RelayAnswer
from agentvoice.core.relay_limits import RelayLimits
from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols.nostr.nip01 import encode_event, parse_event
from agentvoice.protocols.nostr.nip11 import RelayDocument
from agentvoice.services.relay_check import RelayCheck, RelayReport, advise
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import accept, refuse, relay_server

SHORT = RelaySettings(connect_timeout_s=2, ok_timeout_s=0.3, auth_timeout_s=0.3, fetch_timeout_s=1)
SAYS = RelayDocument(
    "One", "soft", (1, 11), RelayLimits(max_message_bytes=10_000, auth_required=True, payment_required=True)
)


async def no_document(relay: str) -> RelayDocument:
    raise RemoteProtocolError("no document")


async def some_document(relay: str) -> RelayDocument:
    return SAYS


@pytest.fixture
def signer() -> KeySigner:
    return KeySigner.generate()


@pytest.fixture
async def relays(signer: KeySigner):
    async def find_signer(pubkey: str) -> KeySigner | None:
        return signer if pubkey == signer.pubkey else None

    opened = WebsocketRelays(SHORT, SystemClock(), find_signer)
    yield opened
    await opened.close()


def found(report: RelayReport) -> list[tuple[str, bool]]:
    return [(each.name, each.ok) for each in report.findings]


async def check(
    relays: WebsocketRelays, address: str, signer: KeySigner | None, read=no_document
) -> RelayReport:
    return await RelayCheck(relays, read, find_forgery, SystemClock(), signer).check(address)


async def test_a_real_relay_is_well(relays: WebsocketRelays, signer: KeySigner):
    """Reached, written to, read back, and after the deletion the note is gone."""
    async with local_relay() as address:
        report = await check(relays, address, signer)
        assert found(report) == [
            ("reachable", True),
            ("document", True),
            ("write", True),
            ("read back", True),
            ("deletion", True),
        ]
        assert report.ok
        assert report.connect_ms is not None
        assert await relays.fetch(address, [{"kinds": [1]}]) == ()


async def test_nothing_is_written_unasked(relays: WebsocketRelays):
    """Without a signer the relay is only asked."""
    async with relay_server() as server:

        async def nothing_stored(socket, frame):
            await socket.send(json.dumps(["EOSE", frame[1]]))

        server.on_request = nothing_stored
        report = await check(relays, server.address, None, some_document)
        assert report.ok
        assert server.events == []
        details = {each.detail for each in report.findings if each.name == "limits"}
        assert details == {"10000 bytes a message", "wants to know the author", "wants to be paid"}


async def test_nobody_there(relays: WebsocketRelays, signer: KeySigner):
    """One clear finding, with what to do, and nothing after it."""
    report = await check(relays, "ws://127.0.0.1:1", signer)
    assert found(report) == [("reachable", False)]
    assert "no connection" in report.findings[0].detail
    assert "check the address" in report.findings[0].advice


async def test_garbage_is_not_reachable(relays: WebsocketRelays, signer: KeySigner):
    """A peer that talks nonsense is one finding too."""
    async with relay_server() as server:

        async def babble(socket, frame):
            await socket.send("hello, who is there?")

        server.on_request = babble
        report = await check(relays, server.address, signer)
        assert found(report) == [("reachable", False)]


async def test_a_relay_with_auth(relays: WebsocketRelays, signer: KeySigner):
    """A relay that asks who we are is told, when it may know."""
    mode = LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.WRITE)
    async with local_relay(nip42=mode) as address:
        report = await check(relays, address, signer)
        assert ("write", True) in found(report)


async def test_a_relay_that_wants_work(relays: WebsocketRelays, signer: KeySigner):
    """A refusal is a failure with the relay's words and what to do."""
    async with local_relay(min_pow=32) as address:
        report = await check(relays, address, signer)
        assert not report.ok
        (failure,) = (each for each in report.findings if not each.ok)
        assert failure.detail.startswith("pow:")
        assert failure.advice == "it wants proof of work: choose another relay"


async def test_what_does_not_fit_is_not_sent(relays: WebsocketRelays, signer: KeySigner):
    """A relay whose document says no is believed."""

    async def wants_work(relay: str) -> RelayDocument:
        return RelayDocument(limits=RelayLimits(min_pow_bits=200))

    async with local_relay() as address:
        report = await check(relays, address, signer, wants_work)
        assert found(report)[-1] == ("write", False)
        assert await relays.fetch(address, [{"kinds": [1]}]) == ()


async def test_a_relay_that_lies(relays: WebsocketRelays, signer: KeySigner):
    """OK true and nothing stored is found out."""
    async with relay_server() as server:

        async def nothing_stored(socket, frame):
            await socket.send(json.dumps(["EOSE", frame[1]]))

        server.on_request = nothing_stored
        report = await check(relays, server.address, signer)
        assert ("read back", False) in found(report)
        assert any("do not rely" in each.advice for each in report.findings)


async def test_a_relay_that_gives_back_another_signature(relays: WebsocketRelays, signer: KeySigner):
    """What comes back must be what was sent, to the last byte."""
    async with relay_server() as server:

        async def other_bytes(socket, frame):
            for event in server.events[:1]:
                forged = encode_event(parse_event(json.dumps({**event, "sig": "0" * 128})))
                await socket.send(f'["EVENT","{frame[1]}",{forged}]')
            await socket.send(json.dumps(["EOSE", frame[1]]))

        server.on_request = other_bytes
        assert ("read back", False) in found(await check(relays, server.address, signer))


async def test_a_relay_that_shows_nothing(relays: WebsocketRelays, signer: KeySigner):
    """Refused reading is no failure by itself, but a test that cannot be read back proves nothing."""
    async with relay_server() as server:

        async def members_only(socket, frame):
            await socket.send(json.dumps(["CLOSED", frame[1], "auth-required: members only"]))

        server.on_request = members_only
        assert (await check(relays, server.address, None)).ok
        report = await check(relays, server.address, signer)
        assert ("read back", False) in found(report)


async def test_a_relay_that_never_answers_the_note(relays: WebsocketRelays, signer: KeySigner):
    """No OK within the limit is a failed write."""

    async def never(socket, event):
        """Answer nothing."""

    async with relay_server(never) as server:

        async def nothing_stored(socket, frame):
            await socket.send(json.dumps(["EOSE", frame[1]]))

        server.on_request = nothing_stored
        report = await check(relays, server.address, signer)
        assert found(report)[-1] == ("write", False)
        server.on_event = refuse("surprise")
        failure = (await check(relays, server.address, signer)).findings[-1]
        assert (failure.detail, "own words" in failure.advice) == ("surprise", True)
        server.on_event = accept


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("auth-required: x", "--key NPUB"),
        ("restricted: x", "--key NPUB"),
        ("rate-limited: x", "slow down"),
        ("blocked: x", "operator"),
        ("too-large: x", "smaller"),
        ("reject: x", "own words"),
        ("", "own words"),
    ],
)
def test_advice_goes_by_the_prefix(message: str, words: str):
    """Each answer says what to do; unknown words are the relay's own."""
    assert words in advise(RelayAnswer(False, message))
