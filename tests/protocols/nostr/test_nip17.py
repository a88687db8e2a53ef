from __future__ import annotations

from dataclasses import replace

from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip01 import event_id
from agentvoice.protocols.nostr.nip17 import KIND_INBOX_RELAYS, build_messages, find_inbox_relays
from agentvoice.protocols.nostr.nip59 import encode_rumor
from agentvoice.protocols.nostr.turns import Turn
from tests.protocols.nostr.test_thread import ADA, NOW, PROJECT, START, call

READERS = (PROJECT, "9" * 64)
LARGE = 28_672


def test_one_message_holds_the_whole_transcript():
    """Head and every turn with its speaker's name; all readers named; the thread's own tags inside."""
    finished = call()
    (message,) = build_messages(finished, ADA, READERS, NOW, LARGE)
    assert message.content.startswith(
        "Voice conversation: Ada, Caller and Max, 2 min 5 s.\n\nAda: Hello, Ada"
    )
    assert message.content.endswith("Max: Max here.\n\nCaller: Bye.")
    assert (message.pubkey, message.kind, message.created_at) == (ADA, 14, START // 1_000)
    assert message.tags == (
        ("t", "voice-conversation"),
        ("p", PROJECT),
        ("realtime-session", finished.call_id),
        ("p", "9" * 64),
        ("subject", "Home automation"),
    )


def test_a_long_transcript_is_several_messages_in_order():
    """Each within its size, in rising time, the later ones in reply to the first; no word is lost."""
    words = " ".join(f"wörd{number}" for number in range(20_000))
    finished = replace(call(), turns=(Turn(1, "ada", words, START),))
    messages = build_messages(finished, ADA, READERS, NOW, LARGE)
    assert len(messages) == 9  # the head alone, and eight that are full
    assert all(len(encode_rumor(message).encode()) <= LARGE for message in messages)
    first_id = event_id(messages[0])
    assert [tag for message in messages for tag in message.tags if tag[0] == "e"] == [
        ("e", first_id, "", "reply")
    ] * 8
    assert [m for m in messages if "subject" in {tag[0] for tag in m.tags}] == [messages[0]]
    assert sorted({m.created_at for m in messages}) == [m.created_at for m in messages]
    read = " ".join(m.content for m in messages).replace("Ada: ", "").split()
    assert [word for word in read if word.startswith("wörd")] == words.split()


def test_a_relay_of_tiny_events_gets_messages_of_some_size():
    """Rather one refusal than a chat of hundreds of messages."""
    finished = replace(call(), turns=(Turn(1, "ada", "word " * 500, START),))
    messages = build_messages(finished, ADA, READERS, NOW, 0)
    assert max(len(message.content) for message in messages) in range(250, 501)


def test_silence_has_no_message():
    """A call in which nobody spoke is not sent."""
    assert build_messages(replace(call(), turns=()), ADA, READERS, NOW, LARGE) == ()


def test_where_a_reader_gets_messages():
    """The `relay` tags of kind 10050, in order; others are not theirs."""
    tags = (("relay", "wss://b.example"), ("relay",), ("r", "wss://c.example"), ("relay", "wss://a.example"))
    event = SignedEvent("0" * 64, "a" * 64, 1, KIND_INBOX_RELAYS, tags, "", "0" * 128)
    addresses = [relay.address for relay in find_inbox_relays(event) if relay.reads]
    assert addresses == ["wss://b.example", "wss://a.example"]
