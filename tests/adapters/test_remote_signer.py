from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import nostr_sdk
import pytest

from agentvoice.adapters.remote_signer import Bunkers
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import BunkerSettings, RelaySettings
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, LocalProtocolError, RemoteProtocolError, SignerRefused, TimedOut
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip46 import decode_address, decode_link, encode_link
from tests.fakes.ndk_bunker import NdkBunker, ndk_bunker
from tests.fakes.nostr_relays import local_relay
from tests.fakes.scripted_bunker import Answer, Asked, keep_silent, scripted_bunker

NASTY = 'tab\t, line\n, "quotes", \\, /, ünïcödé, 😀, \u2028, <b>'


@pytest.fixture
async def relay() -> AsyncIterator[str]:
    async with local_relay() as address:
        yield address


def new_bunkers(timeout_s: float = 20.0) -> Bunkers:
    return Bunkers(RelaySettings(), BunkerSettings(20.0, timeout_s), SystemClock())


@pytest.fixture
async def bunkers():
    opened = new_bunkers()
    yield opened
    await opened.close()


def note(pubkey: str, text: str = NASTY) -> UnsignedEvent:
    return UnsignedEvent(pubkey, 1_700_000_000, 1, (("t", "x"), ("e", "a" * 64, "", "root")), text)


async def paired(bunkers: Bunkers, bunker: NdkBunker):
    pubkey, link = await bunkers.pair(decode_address("URI", bunker.address))
    return bunkers.open(link, pubkey), link


async def test_a_real_bunker_signs(bunkers: Bunkers, relay: str):
    """NDK's bunker grants the pairing by its secret; what it signs is what was asked, for all verifiers."""
    async with ndk_bunker(relay) as bunker:
        signer, link = await paired(bunkers, bunker)
        assert signer.pubkey == bunker.signer.pubkey
        signed = await signer.sign(note(signer.pubkey))
        assert (signed.content, signed.tags, signed.created_at) == (NASTY, note("").tags, 1_700_000_000)
        assert find_forgery(signed) == ""
        assert nostr_sdk.Event.from_json(encode_event(signed)).verify()
        await signer.ping()
        await bunker.deny()  # what it was asked is known when it has answered us
        assert bunker.asked == ["connect", "switch_relays", "sign_event", "ping"]
        assert link.address.secret.reveal() == ""


async def test_a_real_bunker_signs_eight_at_once(bunkers: Bunkers, relay: str):
    """Each answer finds its request."""
    async with ndk_bunker(relay) as bunker:
        signer, _ = await paired(bunkers, bunker)
        drafts = [note(signer.pubkey, f"turn {number}") for number in range(8)]
        signed = await asyncio.gather(*(signer.sign(draft) for draft in drafts))
        assert [event.content for event in signed] == [draft.content for draft in drafts]


async def test_a_real_bunker_encrypts_and_decrypts(bunkers: Bunkers, relay: str):
    """NIP-44 by the key that is elsewhere, to and from a key that is here."""
    friend = KeySigner.generate()
    async with ndk_bunker(relay) as bunker:
        signer, _ = await paired(bunkers, bunker)
        assert await friend.decrypt(signer.pubkey, await signer.encrypt(friend.pubkey, NASTY)) == NASTY
        assert await signer.decrypt(friend.pubkey, await friend.encrypt(signer.pubkey, NASTY)) == NASTY


async def test_a_link_is_all_that_another_process_needs(relay: str):
    """As it is written down it gives the signer, without a secret and without being granted anew."""
    async with ndk_bunker(relay) as bunker:
        first = new_bunkers()
        pubkey, link = await first.pair(decode_address("URI", bunker.address))
        await first.close()
        written = encode_link(link).reveal()
        assert "secret" not in written
        later = new_bunkers()
        signer = later.open(decode_link("link", written), pubkey)
        assert find_forgery(await signer.sign(note(pubkey))) == ""
        await later.close()


async def test_a_secret_is_good_once(bunkers: Bunkers, relay: str):
    """The second pairing is refused in the bunker's words; the first goes on."""
    async with ndk_bunker(relay) as bunker:
        address = bunker.address
        signer, _ = await paired(bunkers, bunker)
        with pytest.raises(SignerRefused, match="the secret is unknown or was used before"):
            await bunkers.pair(decode_address("URI", address))
        await signer.ping()


async def test_a_real_bunker_refuses(bunkers: Bunkers, relay: str):
    """What it may not sign is a refusal, not a silence; other requests are still answered."""
    async with ndk_bunker(relay) as bunker:
        signer, _ = await paired(bunkers, bunker)
        await bunker.deny("sign_event")
        with pytest.raises(SignerRefused, match="refused: Not authorized") as caught:
            await signer.sign(note(signer.pubkey))
        assert not caught.value.retryable
        await signer.ping()


async def test_a_bunker_that_is_killed_and_comes_back(relay: str):
    """Away it is silent, with words that say what to do; back, it signs for the client it knows."""
    async with ndk_bunker(relay) as bunker:
        bunkers = new_bunkers()
        signer, link = await paired(bunkers, bunker)
        await bunkers.close()
        await bunker.kill()
        hasty = new_bunkers(0.5)
        with pytest.raises(TimedOut, match="not there: is it running"):
            await hasty.open(link, signer.pubkey).sign(note(signer.pubkey))
        await hasty.close()
        await bunker.start()
        again = new_bunkers()
        assert find_forgery(await again.open(link, signer.pubkey).sign(note(signer.pubkey))) == ""
        await again.close()


def signing(**changes: object) -> Answer:
    """Return how a bunker answers that signs the event with these fields changed."""

    async def answer(asked: Asked) -> None:
        await asked.answer(encode_event(await asked.sign(**changes)))

    return answer


async def sign_as_another(asked: Asked) -> None:
    other = KeySigner.generate()
    event = await other.sign(replace(note(other.pubkey)))
    await asked.answer(encode_event(event))


async def forge_signature(asked: Asked) -> None:
    fields = json.loads(encode_event(await asked.sign()))
    await asked.answer(json.dumps({**fields, "sig": fields["sig"][::-1]}))


async def keep_the_id(asked: Asked) -> None:
    """The id and signature of what was asked, around other words."""
    fields = json.loads(encode_event(await asked.sign()))
    await asked.answer(json.dumps({**fields, "content": "other words"}))


async def answer_rubbish(asked: Asked) -> None:
    await asked.answer("signed, honestly")


async def answer_nothing(asked: Asked) -> None:
    await asked.answer("")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (signing(content="other words"), "it signed another event"),
        (signing(tags=()), "it signed another event"),
        (signing(created_at=1_700_000_001), "it signed another event"),
        (signing(kind=0), "it signed another event"),
        (sign_as_another, "it signed another event"),
        (keep_the_id, "it signed another event"),
        (forge_signature, "the signature is not its author's"),
        (answer_rubbish, "want JSON"),
        (answer_nothing, "want JSON"),
    ],
)
async def test_a_bunker_that_signs_something_else(bunkers: Bunkers, relay: str, answer: Answer, words: str):
    """Whatever it changes is an error that names bunker and fault; such an event is never used."""
    async with scripted_bunker(relay, answer=answer) as bunker:
        signer = bunkers.open(bunker.new_link(), bunker.signer.pubkey)
        with pytest.raises(RemoteProtocolError, match=f"bunker npub1.*: sign_event: .*{words}"):
            await signer.sign(note(signer.pubkey))


async def test_what_is_not_ours_to_sign_is_not_even_asked(bunkers: Bunkers, relay: str):
    """Another author's event, and one that no relay would take, are refused before the bunker is asked."""
    async with scripted_bunker(relay) as bunker:
        signer = bunkers.open(bunker.new_link(), bunker.signer.pubkey)
        with pytest.raises(InvalidKey, match="want the signer's"):
            await signer.sign(note("b" * 64))
        with pytest.raises(LocalProtocolError, match=r"event\.kind"):
            await signer.sign(replace(note(signer.pubkey), kind=-1))
        assert bunker.asked == []


def pairing(connect: str, pubkey: str, relays: str = "null") -> Answer:
    """Return how a bunker answers that grants with these words."""

    async def answer(asked: Asked) -> None:
        results = {"connect": connect, "get_public_key": pubkey, "switch_relays": relays}
        await asked.answer(results[asked.method])

    return answer


async def test_pairing_tells_what_is_wanted(bunkers: Bunkers, relay: str):
    """`connect` carries the bunker's key, the one-time secret and what we want to be allowed."""
    async with scripted_bunker(relay) as bunker:
        await bunkers.pair(replace(bunker.address, secret=Secret("once")))
        connect, who, where = bunker.asked
        assert (connect.method, who.method, where.method) == ("connect", "get_public_key", "switch_relays")
        assert connect.params == [
            bunker.signer.pubkey, "once", "get_public_key,sign_event,nip44_encrypt,nip44_decrypt"
        ]  # fmt: skip


async def test_the_bunkers_key_need_not_be_the_one_it_signs_with(bunkers: Bunkers, relay: str):
    """Whom it signs for is asked; an answer that repeats the secret is a grant too."""
    person = KeySigner.generate()
    async with scripted_bunker(relay, answer=pairing("once", person.pubkey)) as bunker:
        pubkey, link = await bunkers.pair(replace(bunker.address, secret=Secret("once")))
        assert (pubkey, link.address.pubkey) == (person.pubkey, bunker.signer.pubkey)
        assert link.address.relays == (relay,)


async def test_a_bunker_may_want_to_be_asked_elsewhere(bunkers: Bunkers, relay: str):
    """The relays that it names replace those of its address."""
    async with local_relay() as other:
        answer = pairing("ack", KeySigner.generate().pubkey, json.dumps([other]))
        async with scripted_bunker(relay, other, answer=answer) as bunker:
            _, link = await bunkers.pair(replace(bunker.address, relays=(relay,)))
            assert link.address.relays == (other,)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (pairing("perhaps", "a" * 64), "connect: got another answer than ack"),
        (pairing("ack", "somebody"), "get_public_key: it is not"),
    ],
)
async def test_pairings_that_are_none(bunkers: Bunkers, relay: str, answer: Answer, words: str):
    """A bunker whose answers mean nothing is not believed."""
    async with scripted_bunker(relay, answer=answer) as bunker:
        with pytest.raises(RemoteProtocolError, match=words):
            await bunkers.pair(bunker.address)


async def test_signers_of_one_link_share_it(bunkers: Bunkers, relay: str):
    """Opened twice, it is one client on one connection; a silence of one is known to the other."""
    async with scripted_bunker(relay) as bunker:
        link = bunker.new_link()
        for _ in range(2):
            await bunkers.open(link, bunker.signer.pubkey).ping()
        assert len({asked.client for asked in bunker.asked}) == 1
    async with scripted_bunker(relay, answer=keep_silent) as bunker:
        hasty, link = new_bunkers(0.3), bunker.new_link()
        for words in ("no answer within", "did not answer lately"):
            with pytest.raises(TimedOut, match=words):
                await hasty.open(link, bunker.signer.pubkey).ping()
        await hasty.close()


async def test_nothing_shows_the_client_key(bunkers: Bunkers, relay: str):
    """As text a signer tells who signs, and nothing else."""
    async with scripted_bunker(relay) as bunker:
        signer = bunkers.open(bunker.new_link(), bunker.signer.pubkey)
        assert repr(signer) == str(signer) == f"RemoteSigner({bunker.signer.npub[:12]}…)"
