from __future__ import annotations

import hashlib
import json

import nostr_sdk
import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.errors import LocalProtocolError, RemoteProtocolError
from agentvoice.protocols.nostr import nip01

# Texts that serialisers are known to disagree about; every one is tried as content and as tag value.
NASTY_TEXTS = [
    "", " ", "\n", "\t", "\n\n\t \n", "plain", 'a "quoted" word', "back\\slash", "\\n is not a line end",
    "\\u0041 stays", "slash / and </script>", "<b>&amp;</b>", "'single'", "a\nb\tc", "ends with \\",
    '"', "\\", '\\"', "[]", "{}", '{"a":1}', '["EVENT",{}]', "null", "true", "0", "1e400", "NaN",
    "ä ö ü ß", "ÅÅ", "é vs e\u0301", "你好，世界", "日本語テキスト", "한국어", "العربية", "עברית", "हिन्दी", "ไทย",
    "😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇦🇹🇯🇵", "👍🏽", "e\u0301\u0323\u0300", "\u200b\u200c\u200d", "\u202eright to left",
    "\u2028line\u2029paragraph", "\ufeffbyte order mark", "\u00a0no break", "\u00ad", "\u0085next line", "\u009fc1",
    "\ufffd", "\ufffe\uffff", "\U0010ffff", "\U0001d54f\U0001d556", "𝒳" * 50, "\ue000private", "a" * 4_000, "ß" * 4_000,
    "😀" * 1_000, "%s %d {0}", "$(x) `y`", "..\\..\\etc", "nostr:npub1x", "#tag @name", "line1\nline2\nline3\n",
    "\t\tindented", "trailing   ", "\u1e9e\u0130\u0131", "ﷺ", "\u0600\u06dd", "Z̸̛a̷l̶g̵o̴",
]  # fmt: skip


def sample(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "id": "a" * 64,
        "pubkey": "b" * 64,
        "created_at": 1,
        "kind": 1,
        "tags": [["t", "x"]],
        "content": "hi",
        "sig": "c" * 128,
    }
    return fields | changes


def test_there_are_many_nasty_texts():
    """The set is as large as the claim that rests on it, and holds no text twice."""
    assert len(set(NASTY_TEXTS)) == len(NASTY_TEXTS) >= 60


@pytest.mark.parametrize("text", NASTY_TEXTS, ids=range(len(NASTY_TEXTS)))
async def test_ids_and_signatures_agree_with_nostr_sdk(text: str):
    """An independent implementation computes the same id and accepts the signature, text unchanged."""
    signer = KeySigner.generate()
    tags = (("t", text), ("x", text, "third"))
    event = await signer.sign(UnsignedEvent(signer.pubkey, 1_700_000_000, 1, tags, text))
    theirs = nostr_sdk.Event.from_json(nip01.encode_event(event))
    assert theirs.verify_id()
    assert theirs.verify_signature()
    assert theirs.id().to_hex() == event.id
    assert theirs.content() == text
    assert nip01.parse_event(theirs.as_json()) == event


def test_serialisation_is_the_standards():
    """The bytes hashed are NIP-01's array: no spaces, UTF-8 as it is, the short escapes."""
    event = UnsignedEvent("b" * 64, 5, 1, (("e", "1"),), 'ä\n"\\\t')
    expected = '[0,"%s",5,1,[["e","1"]],"ä\\n\\"\\\\\\t"]' % ("b" * 64)
    assert nip01.serialize_event(event) == expected.encode()
    assert nip01.event_id(event) == hashlib.sha256(expected.encode()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "a" * 63}, "id"),
        ({"id": "A" * 64}, "id"),
        ({"id": 5}, "id"),
        ({"pubkey": "g" * 64}, "pubkey"),
        ({"sig": "c" * 64}, "sig"),
        ({"sig": None}, "sig"),
        ({"created_at": 1.0}, "created_at"),
        ({"created_at": True}, "created_at"),
        ({"created_at": -1}, "created_at"),
        ({"created_at": 2**53}, "created_at"),
        ({"kind": 65_536}, "kind"),
        ({"kind": "1"}, "kind"),
        ({"tags": {}}, "tags"),
        ({"tags": [[]]}, "tags"),
        ({"tags": [["t", 1]]}, "tags"),
        ({"tags": ["t"]}, "tags"),
        ({"content": None}, "content"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], field: str):
    """Decoding refuses each wrong type or range and says which field it was."""
    with pytest.raises(RemoteProtocolError, match=rf"event\.{field}: got"):
        nip01.decode_event(sample(**changes))


@pytest.mark.parametrize("field", list(sample()))
def test_a_missing_field_is_named(field: str):
    """Decoding refuses an event without any one of its seven fields."""
    event = sample()
    del event[field]
    with pytest.raises(RemoteProtocolError, match=rf"event\.{field}: missing"):
        nip01.decode_event(event)


def test_unknown_fields_are_ignored():
    """Relays that add fields of their own do no harm."""
    assert nip01.decode_event(sample(seen_on=["x"])).content == "hi"


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_an_event_is_an_object(value: object):
    """Anything but an object is refused."""
    with pytest.raises(RemoteProtocolError, match="want an object"):
        nip01.decode_event(value)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('["OK","id",true,""]', nip01.Ok("id", True, "")),
        ('["OK","",false,"blocked: x"]', nip01.Ok("", False, "blocked: x")),
        ('["OK","id",true]', nip01.Ok("id", True, "")),
        ('["NOTICE","hm"]', nip01.Notice("hm")),
        ('["EOSE","s"]', nip01.EndOfStoredEvents("s")),
        ('["CLOSED","s","error: x"]', nip01.Closed("s", "error: x")),
        ('["CLOSED","s"]', nip01.Closed("s", "")),
        ('["AUTH","c"]', nip01.AuthChallenge("c")),
        ('["COUNT","s",{"count":1}]', nip01.UnknownFrame("COUNT")),
    ],
)
def test_relay_frames_are_decoded(text: str, frame: nip01.RelayFrame):
    """Each frame of NIP-01 and NIP-42 becomes its value; those of extensions are told apart."""
    assert nip01.decode_relay_frame(text) == frame


def test_a_found_event_is_decoded():
    """EVENT carries the subscription and the event."""
    frame = nip01.decode_relay_frame(json.dumps(["EVENT", "s", sample()]))
    assert isinstance(frame, nip01.EventFound)
    assert (frame.subscription, frame.event.content) == ("s", "hi")


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "[1]", "nonsense", '["OK"]', '["OK","id","yes",""]', '["OK",1,true,""]', '["OK","i",true,5]',
        '["EVENT","s"]', '["EVENT","s",{}]', '["EVENT",1,{}]', '["NOTICE",5]', '["EOSE"]', '["CLOSED",1,""]',
        '["AUTH",null]', "[" * 100_000, "\x00", '"text"', "1" * 5_000,
    ],
    ids=range(20),
)  # fmt: skip
def test_garbage_is_one_clear_short_error(text: str):
    """Whatever a relay sends, decoding raises our error, on one bounded line."""
    with pytest.raises(RemoteProtocolError) as caught:
        nip01.decode_relay_frame(text)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_client_frames():
    """EVENT, REQ, CLOSE and AUTH are the arrays of NIP-01 and NIP-42."""
    event = nip01.decode_event(sample())
    assert json.loads(nip01.encode_publish(event)) == ["EVENT", sample()]
    assert len(nip01.encode_publish(event)) == len(nip01.encode_event(event)) + nip01.PUBLISH_FRAME_BYTES
    assert json.loads(nip01.encode_auth(event)) == ["AUTH", sample()]
    assert json.loads(nip01.encode_request("s", [{"ids": ["a"]}, {}])) == ["REQ", "s", {"ids": ["a"]}, {}]
    assert json.loads(nip01.encode_close("s")) == ["CLOSE", "s"]


@pytest.mark.parametrize(
    "event",
    [
        UnsignedEvent("b" * 63, 1, 1, (), ""),
        UnsignedEvent("b" * 64, 1.5, 1, (), ""),  # type: ignore[arg-type]  # the mistake under test
        UnsignedEvent("b" * 64, 1, -1, (), ""),
        UnsignedEvent("b" * 64, 1, 1, ((),), ""),
        UnsignedEvent("b" * 64, 1, 1, (("t", None),), ""),  # type: ignore[arg-type]  # the mistake under test
        UnsignedEvent("b" * 64, 1, 1, (), None),  # type: ignore[arg-type]  # the mistake under test
    ],
)
def test_we_do_not_sign_what_no_relay_takes(event: UnsignedEvent):
    """Our own mistakes are found before they are signed."""
    with pytest.raises(LocalProtocolError, match=r"^event\."):
        nip01.check_unsigned(event)


def test_a_lone_surrogate_cannot_be_written():
    """Text that has no UTF-8 is our error, not a crash of the encoder."""
    event = SignedEvent("a" * 64, "b" * 64, 1, 1, (), "\ud800", "c" * 128)
    with pytest.raises(LocalProtocolError, match="cannot be written"):
        nip01.encode_event(event)
