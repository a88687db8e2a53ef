"""The relays of three independent implementations, with what each does in its own way."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import nostr_sdk
import pytest
from nostr_sdk import LocalRelayBuilderNip42, LocalRelayBuilderNip42Mode, RateLimit

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.relay_documents import read_document
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import RelayAnswer
from agentvoice.core.relay_limits import UNSAID, pow_bits
from agentvoice.protocols.nostr.answers import Verdict, is_rate_limited, judge_answer
from agentvoice.protocols.nostr.clean import clean_tag_value, clean_text, split_text
from agentvoice.protocols.nostr.nip01 import encode_event, encode_publish, event_id
from tests.fakes.nostr_relays import local_relay, npm_relay, pypi_relay

NASTY = Path(__file__).parents[1] / "vectors/nostr/nasty_texts.json"
SETTINGS = RelaySettings(connect_timeout_s=5, ok_timeout_s=10, auth_timeout_s=0.5, fetch_timeout_s=10)
QUICK = replace(SETTINGS, ok_timeout_s=0.5)
YEAR_S = 365 * 86_400

each_relay = pytest.mark.parametrize("kind", ["rust", "npm", "pypi"])


@asynccontextmanager
async def relay_of(kind: str, folder: Path) -> AsyncIterator[str]:
    no_limit = RateLimit(max_reqs=1_000, notes_per_minute=100_000)
    running = {
        "rust": lambda: local_relay(rate_limit=no_limit),
        "npm": npm_relay,
        "pypi": lambda: pypi_relay(folder),
    }[kind]()
    async with running as address:
        yield address


@pytest.fixture
def signer() -> KeySigner:
    return KeySigner.generate()


@asynccontextmanager
async def relays_of(
    *signers: KeySigner, settings: RelaySettings = SETTINGS
) -> AsyncIterator[WebsocketRelays]:
    held = {signer.pubkey: signer for signer in signers}

    async def find_signer(pubkey: str) -> KeySigner | None:
        return held.get(pubkey)

    relays = WebsocketRelays(settings, SystemClock(), find_signer)
    try:
        yield relays
    finally:
        await relays.close()


@pytest.fixture
async def relays(signer: KeySigner):
    async with relays_of(signer) as opened:
        yield opened


def now_s() -> int:
    return SystemClock().utc_ms() // 1_000


async def note(signer: KeySigner, text: str = "hello", at_s: int = 0) -> SignedEvent:
    tag = ("t", clean_tag_value(text)[:100] or "-")
    return await signer.sign(UnsignedEvent(signer.pubkey, at_s or now_s(), 1, (tag,), text))


async def bad_note(signer: KeySigner) -> SignedEvent:
    return replace(await note(signer, "forged"), sig=(await note(signer, "another")).sig)


def verdict(answer: RelayAnswer, event: SignedEvent) -> Verdict:
    return judge_answer(answer, len(encode_publish(event).encode()))


@each_relay
async def test_published_together_read_back_and_again(
    kind: str, tmp_path: Path, relays: WebsocketRelays, signer: KeySigner
):
    """A hundred events at once are stored once; the same again are duplicates in each relay's own words."""
    events = [await note(signer, f"note {number}") for number in range(100)]
    async with relay_of(kind, tmp_path) as address:
        for words in ({""}, {"", "duplicate", "duplicate: the event already exists", "duplicate: exists"}):
            answers = await asyncio.gather(*(relays.publish(address, event) for event in events))
            assert {verdict(*pair) for pair in zip(answers, events, strict=True)} == {Verdict.ACCEPTED}
            assert {answer.message.partition(":")[0] for answer in answers} <= {
                word.partition(":")[0] for word in words
            }
        found = await relays.fetch(address, [{"authors": [signer.pubkey], "kinds": [1]}])
        assert sorted(event.id for event in found) == sorted(event.id for event in events)


async def test_the_python_relay_says_false_to_a_duplicate(
    tmp_path: Path, relays: WebsocketRelays, signer: KeySigner
):
    """`false "duplicate: exists"` means that it has the event."""
    event = await note(signer)
    async with pypi_relay(tmp_path) as address:
        assert await relays.publish(address, event) == RelayAnswer(True, "")
        again = await relays.publish(address, event)
        assert again == RelayAnswer(False, "duplicate: exists")
        assert verdict(again, event) is Verdict.ACCEPTED


@each_relay
async def test_a_bad_signature_is_refused_and_harms_nobody(
    kind: str, tmp_path: Path, relays: WebsocketRelays, signer: KeySigner
):
    """One forged event among six: it alone is refused, though one relay does not say which it was."""
    events = [await note(signer, f"note {number}") for number in range(5)]
    events.insert(3, await bad_note(signer))
    async with relay_of(kind, tmp_path) as address:
        assert (await relays.publish(address, await note(signer, "first"))).accepted
        answers = await asyncio.gather(*(relays.publish(address, event) for event in events))
        judged = [verdict(*pair) for pair in zip(answers, events, strict=True)]
        assert judged[3] is Verdict.REJECTED
        assert {*judged[:3], *judged[4:]} == {Verdict.ACCEPTED}
        assert answers[3].message.startswith("invalid:")


@pytest.mark.parametrize(
    ("kind", "chars", "prefix"),
    [("rust", 70_000, "blocked"), ("npm", 6_000, "notice"), ("pypi", 5_000, "invalid")],
)
async def test_too_large(kind: str, chars: int, prefix: str, tmp_path: Path, signer: KeySigner):
    """OK, NOTICE only, or OK without a name: each is a refusal for good; the next event is taken."""
    relay = npm_relay(max_content_chars=5_000) if kind == "npm" else relay_of(kind, tmp_path)
    settings = QUICK if kind == "npm" else SETTINGS
    event = await note(signer, "x" * chars)
    async with relay as address, relays_of(signer, settings=settings) as relays:
        answer = await relays.publish(address, event)
        assert answer.message.partition(":")[0] == prefix
        assert verdict(answer, event) is Verdict.REJECTED
        assert (await relays.publish(address, await note(signer, "small"))).accepted


@each_relay
async def test_the_window_of_time(kind: str, tmp_path: Path, signer: KeySigner):
    """Two take any created_at; the Python one an hour ahead and a year back, refused in words."""
    now = now_s()
    async with relay_of(kind, tmp_path) as address, relays_of(signer) as relays:
        assert (await relays.publish(address, await note(signer, "half a year", now - YEAR_S // 2))).accepted
        for at_s, word in ((now - 2 * YEAR_S, "is too old"), (now + 7_200, "is in the future")):
            event = await note(signer, word, at_s)
            answer = await relays.publish(address, event)
            if kind == "pypi":
                assert word in answer.message
                assert verdict(answer, event) is Verdict.REJECTED
            else:
                assert answer.accepted


@asynccontextmanager
async def guarded_relay(kind: str, folder: Path, writer: str) -> AsyncIterator[str]:
    mode = LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.WRITE)
    running = {
        "rust": lambda: local_relay(nip42=mode),
        "npm": lambda: npm_relay(auth=True),
        "pypi": lambda: pypi_relay(folder, writer=writer),
    }[kind]()
    async with running as address:
        yield address


@each_relay
async def test_auth_with_many_in_flight(
    kind: str, tmp_path: Path, relays: WebsocketRelays, signer: KeySigner
):
    """A late challenge, an early one, one whose answer gets no OK: thirty events at once are taken."""
    events = [await note(signer, f"note {number}") for number in range(30)]
    async with guarded_relay(kind, tmp_path, signer.pubkey) as address:
        answers = await asyncio.gather(*(relays.publish(address, event) for event in events))
        assert [answer for answer in answers if not answer.accepted] == []
        found = await relays.fetch(address, [{"authors": [signer.pubkey]}])
        assert len(found) == 30


@each_relay
async def test_without_signer_there_is_no_auth(
    kind: str, tmp_path: Path, relays: WebsocketRelays, signer: KeySigner
):
    """An author whose signer we do not hold is refused, never impersonated."""
    stranger = KeySigner.generate()
    async with guarded_relay(kind, tmp_path, signer.pubkey) as address:
        answer = await relays.publish(address, await note(stranger))
        assert not answer.accepted
        assert answer.message.partition(":")[0] in ("auth-required", "restricted")


@each_relay
async def test_the_rate_is_limited(kind: str, tmp_path: Path, relays: WebsocketRelays, signer: KeySigner):
    """Beyond the limit the answer is one to come later, not a refusal for good."""
    limited = {
        "rust": lambda: local_relay(rate_limit=RateLimit(max_reqs=100, notes_per_minute=3)),
        "npm": lambda: npm_relay(notes_per_connection=3),
        "pypi": lambda: pypi_relay(tmp_path, rate_limits={"ip": {"EVENT": "3/min"}}),
    }[kind]()
    async with limited as address:
        answers = [await relays.publish(address, await note(signer, str(number))) for number in range(5)]
        assert [answer.accepted for answer in answers] == [True] * 3 + [False] * 2
        assert all(is_rate_limited(answer) for answer in answers[3:])


async def worked_note(signer: KeySigner, bits: int) -> SignedEvent:
    for nonce in range(1 << bits + 8):  # the odds that this is not enough are e^-256
        tag = ("nonce", str(nonce), str(bits))
        event = UnsignedEvent(signer.pubkey, now_s(), 1, (tag,), "worked for")
        if pow_bits(event_id(event)) >= bits:
            return await signer.sign(event)
    raise AssertionError("no such nonce")


async def idle_note(signer: KeySigner, bits: int) -> SignedEvent:
    notes = [await note(signer, str(number)) for number in range(9)]
    return next(event for event in notes if pow_bits(event.id) < bits)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("rust", r"pow: .*8"),
        ("npm", r"pow: difficulty [0-7] is less than 8"),
        ("pypi", r"rejected: 8 PoW required\. Found: [0-7]"),
    ],
)
async def test_work_is_wanted(
    kind: str, words: str, tmp_path: Path, relays: WebsocketRelays, signer: KeySigner
):
    """An event without proof of work is refused for good; one with enough of it is taken."""
    guarded = {
        "rust": lambda: local_relay(min_pow=8),
        "npm": lambda: npm_relay(min_pow=8),
        "pypi": lambda: pypi_relay(tmp_path, require_pow=8),
    }[kind]()
    idle = await idle_note(signer, 8)
    async with guarded as address:
        answer = await relays.publish(address, idle)
        assert re.match(words, answer.message)
        assert verdict(answer, idle) is Verdict.REJECTED
        assert (await relays.publish(address, await worked_note(signer, 8))).accepted


async def test_a_document_without_limits(tmp_path: Path, relays: WebsocketRelays):
    """The Python relay says its name and software, and no limits."""
    async with pypi_relay(tmp_path) as address:
        document = await read_document(address, SystemClock())
        assert (document.name, document.limits) == ("peer", UNSAID)
        assert await relays.limits(address) == UNSAID


def nasty_contents() -> list[str]:
    """Each text as it would be published: cleaned, and cut where it is too long; also of nothing."""
    texts: list[str] = json.loads(NASTY.read_text())["texts"]
    assert len(set(texts)) == len(texts) >= 60
    pieces = [split_text(clean_text(text)) or ("",) for text in texts]
    return list(dict.fromkeys(itertools.chain.from_iterable(pieces)))


@each_relay
async def test_nasty_texts_are_taken_by_every_relay(
    kind: str, tmp_path: Path, relays: WebsocketRelays, signer: KeySigner
):
    """After cleaning, rust-nostr agrees on each id, and the relay takes it and gives it back unchanged."""
    contents = nasty_contents()
    assert len(contents) >= 80
    assert "" in contents
    events = [await note(signer, text) for text in contents]
    for event in events:
        theirs = nostr_sdk.Event.from_json(encode_event(event))
        assert theirs.verify_id()
        assert theirs.verify_signature()
    async with relay_of(kind, tmp_path) as address:
        answers = await asyncio.gather(*(relays.publish(address, event) for event in events))
        refused = [
            pair
            for pair in zip(events, answers, strict=True)
            if verdict(pair[1], pair[0]) is not Verdict.ACCEPTED
        ]
        assert refused == []
        found = await relays.fetch(address, [{"authors": [signer.pubkey], "limit": 500}])
        assert {event.id: event.content for event in found} == {event.id: event.content for event in events}
        assert [event for event in found if find_forgery(event)] == []
