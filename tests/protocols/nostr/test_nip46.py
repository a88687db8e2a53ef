from __future__ import annotations

import json

import nostr_sdk
import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, RemoteProtocolError
from agentvoice.protocols.nostr import nip46
from agentvoice.protocols.nostr.nip01 import encode_event

SIGNER = KeySigner.generate()
RELAY = "wss://relay.example/path"
ADDRESS = f"bunker://{SIGNER.pubkey}?relay={RELAY}&relay=ws%3A%2F%2F127.0.0.1%3A7447&secret=one%20time"


def test_an_address_is_read():
    """Public key, relays in their order, and the secret of the first connection."""
    address = nip46.decode_address("URI", f" {ADDRESS}\n")
    assert (address.pubkey, address.relays) == (SIGNER.pubkey, (RELAY, "ws://127.0.0.1:7447"))
    assert address.secret.reveal() == "one time"
    assert "one time" not in f"{address} {address!r}"
    assert nip46.decode_address("URI", f"bunker://{SIGNER.pubkey}?relay={RELAY}").secret.reveal() == ""


def test_an_independent_library_reads_what_we_write():
    """What is kept of the address is a bunker URI for nostr-sdk too, and holds no secret."""
    written = nip46.encode_address(nip46.decode_address("URI", ADDRESS))
    assert "secret" not in written
    assert str(nostr_sdk.NostrConnectUri.parse(written)) == written
    assert nip46.decode_address("URI", written).relays == (RELAY, "ws://127.0.0.1:7447")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "another scheme"),
        ("bunker://[", "got no address"),
        ("nostrconnect://abc?relay=wss://r", "got nostrconnect, want bunker://"),
        ("hush+hush://abc", "got another scheme"),
        ("bunker://?relay=wss://r", "URI: public key: got nothing"),
        ("bunker://abcd?relay=wss://r", "URI: public key: got 4 hex digits, want 64"),
        (f"bunker://{'f' * 64}?relay=wss://r", "URI: public key: got a number that is no public key"),
        (f"bunker://{SIGNER.reveal()}?relay=wss://r", "URI: public key: got an nsec"),
        (f"bunker://{SIGNER.pubkey}", "relay: got none"),
        (f"bunker://{SIGNER.pubkey}?secret=x", "relay: got none"),
        (f"bunker://{SIGNER.pubkey}?relay=https://r.example", "no ws:// or wss:// address"),
        (f"bunker://{SIGNER.pubkey}?relay=wss://", "no ws:// or wss:// address"),
        (f"bunker://{SIGNER.pubkey}?relay=wss://u:p@r.example", "no ws:// or wss:// address"),
        (f"bunker://{SIGNER.pubkey}?relay=wss://[1", "no ws:// or wss:// address"),
        (f"bunker://{SIGNER.pubkey}?relay=wss://r:x", "no ws:// or wss:// address"),
        (f"bunker://{SIGNER.pubkey}?" + "&".join(f"relay=wss://r{n}" for n in range(11)), "got 11, want at"),
    ],
)
def test_what_is_no_address(text: str, words: str):
    """Each fault is named; what was given is never repeated."""
    with pytest.raises(InvalidKey) as caught:
        nip46.decode_address("URI", text)
    assert words in str(caught.value)
    assert str(caught.value).startswith("URI: ")
    assert SIGNER.reveal() not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_what_means_to_be_an_address():
    """Anything with a scheme; an nsec, hex or a path is none."""
    assert all(nip46.is_bunker_address(text) for text in (ADDRESS, " bunker://", "nostrconnect://x"))
    assert not any(nip46.is_bunker_address(text) for text in ("", SIGNER.reveal(), "a/b", "://", "1://x"))


def test_a_link_is_kept_without_the_first_secret():
    """Its file holds address and client key, and gives the same link back."""
    link = nip46.BunkerLink(nip46.decode_address("URI", ADDRESS), Secret(bytes([7] * 32)))
    text = nip46.encode_link(link).reveal()
    assert "one" not in text
    again = nip46.decode_link("file", text)
    assert (again.address.relays, again.client.reveal()) == (link.address.relays, bytes([7] * 32))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "got 0 lines"),
        (f"bunker://{SIGNER.pubkey}?relay={RELAY}", "got 1 lines"),
        (f"bunker://{SIGNER.pubkey}?relay={RELAY}\nnsec1x", "client key: it is not bech32"),
        (f"bunker://{SIGNER.pubkey}\n{SIGNER.reveal()}", "relay: got none"),
    ],
)
def test_a_broken_link(text: str, words: str):
    """The file is named, and what is wrong in it."""
    with pytest.raises(InvalidKey, match=f"file: .*{words}"):
        nip46.decode_link("file", text)


def test_a_request_is_an_event_for_the_signer():
    """Its JSON has id, method and texts; the event is p-tagged to the signer."""
    text = nip46.encode_request("7", nip46.Method.NIP44_ENCRYPT, ("ab", "Grüße"))
    assert json.loads(text) == {"id": "7", "method": "nip44_encrypt", "params": ["ab", "Grüße"]}
    event = nip46.build_request("aa", "bb", "payload", 1_700_000_000_999)
    assert event == UnsignedEvent("aa", 1_700_000_000, 24_133, (("p", "bb"),), "payload")
    assert nip46.build_filter("aa", "bb") == {"kinds": [24_133], "authors": ["bb"], "#p": ["aa"]}


def test_asked_permissions():
    """We ask for what we use, kinds left to the signer's owner."""
    assert nip46.PERMISSIONS == "get_public_key,sign_event,nip44_encrypt,nip44_decrypt"


@pytest.mark.parametrize(
    ("value", "response"),
    [
        ({"id": "1", "result": "pong"}, nip46.Done("1", "pong")),
        ({"id": "1", "result": "pong", "error": None}, nip46.Done("1", "pong")),
        ({"id": "1", "result": "pong", "error": ""}, nip46.Done("1", "pong")),
        ({"id": "1", "result": "error", "error": "Not authorized"}, nip46.Denied("1", "Not authorized")),
        ({"id": "1", "error": "a\n\x1b[2Jb" + "c" * 400}, nip46.Denied("1", "a [2Jb" + "c" * 293)),
        ({"id": "1", "error": {"code": 4}}, nip46.Denied("1", '{"code": 4}')),
        (
            {"id": "1", "result": "auth_url", "error": "https://bunker.example/a?b=c"},
            nip46.ApprovalWanted("1", "https://bunker.example/a?b=c"),
        ),
        ({"id": "1", "result": "auth_url", "error": "javascript:alert(1)"}, nip46.ApprovalWanted("1", "")),
        ({"id": "1", "result": "auth_url", "error": "https://a b"}, nip46.ApprovalWanted("1", "")),
        ({"id": "1", "result": "auth_url"}, nip46.ApprovalWanted("1", "")),
    ],
)
def test_a_response_is_read(value: object, response: nip46.Response):
    """A result, a refusal in the signer's own words on one line, or a page to open first."""
    assert nip46.decode_response(json.dumps(value)) == response


@pytest.mark.parametrize("text", ["", "[]", "{", '{"result": "x"}', '{"id": 7}', '{"id": "7"}', "[" * 9_999])
def test_what_is_no_response(text: str):
    """Garbage is told."""
    with pytest.raises(RemoteProtocolError, match="bunker response: got no"):
        nip46.decode_response(text)


async def test_a_signed_event_is_the_one_that_was_asked_for():
    """Same fields, same id: anything else is refused before its signature is even looked at."""
    asked = UnsignedEvent(SIGNER.pubkey, 1_700_000_000, 1, (("t", "x"),), "Grüße")
    assert json.loads(nip46.encode_template(asked))["content"] == "Grüße"
    signed = await SIGNER.sign(asked)
    assert nip46.decode_signed(asked, encode_event(signed)) == signed
    other = await SIGNER.sign(UnsignedEvent(SIGNER.pubkey, 1_700_000_000, 1, (), "I owe Eve 100"))
    for result in (encode_event(other), encode_event(signed).replace("Grüße", "I owe Eve 100")):
        with pytest.raises(RemoteProtocolError, match="another event than it was asked to"):
            nip46.decode_signed(asked, result)
    with pytest.raises(RemoteProtocolError):
        nip46.decode_signed(asked, "pong")
