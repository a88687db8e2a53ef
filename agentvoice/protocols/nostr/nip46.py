"""NIP-46: asking a remote signer (a bunker) by encrypted events over relays. Text in, values out.

Requests and responses are JSON, encrypted (NIP-44) between a client key of our own and the remote
signer's key; responses are matched to requests by id, not by order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, RemoteProtocolError
from agentvoice.protocols.nostr.nip01 import event_id, parse_event
from agentvoice.protocols.nostr.nip19 import decode_pubkey, decode_secret, encode_nsec

KIND = 24_133
SCHEME = "bunker"
MAX_RELAYS = 10
"""A bunker names one to three; each is a connection that is kept."""
MAX_WORDS_CHARS = 300
"""Longest error of a signer that is shown."""

_WANTED = "bunker://PUBKEY?relay=wss://…&secret=…"
_AUTH_URL = "auth_url"


class Method(StrEnum):
    """What a remote signer can be asked."""

    CONNECT = "connect"
    GET_PUBLIC_KEY = "get_public_key"
    SIGN_EVENT = "sign_event"
    NIP44_ENCRYPT = "nip44_encrypt"
    NIP44_DECRYPT = "nip44_decrypt"
    PING = "ping"


PERMISSIONS = ",".join(method for method in Method if method not in (Method.CONNECT, Method.PING))
"""What we ask to be allowed when we connect."""


@dataclass(frozen=True, slots=True)
class BunkerAddress:
    """Where a remote signer is: its hex public key (not always the user's), and its relays.

    `secret` is good for the first connection only, and empty afterwards.
    """

    pubkey: str
    relays: tuple[str, ...]
    secret: Secret[str] = field(default=Secret(""), repr=False)


@dataclass(frozen=True, slots=True)
class BunkerLink:
    """A connection that the signer has granted: its address, and the client key it knows us by."""

    address: BunkerAddress
    client: Secret[bytes]


@dataclass(frozen=True, slots=True)
class Done:
    """The signer did what was asked."""

    id: str
    result: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The signer did not; `words` are its own, on one line."""

    id: str
    words: str


@dataclass(frozen=True, slots=True)
class ApprovalWanted:
    """The signer wants its owner to open `url` first; the answer comes later under the same id."""

    id: str
    url: str


Response = Done | Denied | ApprovalWanted


def is_bunker_address(text: str) -> bool:
    """Whether the text means to be the address of a remote signer, right or wrong."""
    scheme, separator, _ = text.strip().partition("://")
    return bool(separator) and scheme.isalpha()


def decode_address(field_name: str, text: str) -> BunkerAddress:
    """Return a `bunker://` address; raises InvalidKey naming the field, and never repeats the text."""
    try:
        parts = urlsplit(text.strip())
        host = parts.netloc
    except ValueError:
        raise InvalidKey(f"{field_name}: got no address, want {_WANTED}") from None
    if parts.scheme != SCHEME:
        scheme = parts.scheme if parts.scheme in _OTHER_SCHEMES else "another scheme"
        raise InvalidKey(f"{field_name}: got {scheme}, want {_WANTED}")
    pubkey = decode_pubkey(f"{field_name}: public key", host)
    given = parse_qsl(parts.query)
    relays = tuple(dict.fromkeys(value for name, value in given if name == "relay"))
    if not relays:
        raise InvalidKey(f"{field_name}: relay: got none, want {_WANTED}")
    if len(relays) > MAX_RELAYS:
        raise InvalidKey(f"{field_name}: relay: got {len(relays)}, want at most {MAX_RELAYS}")
    if not all(_is_relay(relay) for relay in relays):
        raise InvalidKey(f"{field_name}: relay: got one that is no ws:// or wss:// address, want {_WANTED}")
    return BunkerAddress(pubkey, relays, Secret(dict(given).get("secret", "")))


def encode_address(address: BunkerAddress) -> str:
    """Return the address without its secret."""
    query = urlencode([("relay", relay) for relay in address.relays], quote_via=quote, safe=":/")
    return f"{SCHEME}://{address.pubkey}?{query}"


def encode_link(link: BunkerLink) -> Secret[str]:
    """Return the text of a link's file: the address, then the client's nsec."""
    return Secret(f"{encode_address(link.address)}\n{encode_nsec(link.client.reveal())}\n")


def decode_link(field_name: str, text: str) -> BunkerLink:
    """Return the link of a file's text; raises InvalidKey naming `field_name`."""
    lines = text.split()
    if len(lines) != 2:
        raise InvalidKey(f"{field_name}: got {len(lines)} lines, want a bunker:// address and an nsec")
    client = decode_secret(f"{field_name}: client key", lines[1])
    return BunkerLink(decode_address(field_name, lines[0]), Secret(client))


def encode_request(request_id: str, method: Method, parameters: Sequence[str]) -> str:
    """Return a request's JSON, to be encrypted to the signer."""
    return json.dumps({"id": request_id, "method": method, "params": [*parameters]}, ensure_ascii=False)


def build_request(client: str, signer: str, payload: str, now_ms: int) -> UnsignedEvent:
    """Return the event that carries an encrypted request."""
    return UnsignedEvent(client, now_ms // 1_000, KIND, (("p", signer),), payload)


def build_filter(client: str, signer: str) -> dict[str, object]:
    """Return the filter of the signer's responses to us. They are ephemeral: listen before asking."""
    return {"kinds": [KIND], "authors": [signer], "#p": [client]}


def encode_template(event: UnsignedEvent) -> str:
    """Return the event as `sign_event` wants it."""
    fields = {
        "pubkey": event.pubkey,
        "created_at": event.created_at,
        "kind": event.kind,
        "tags": event.tags,
        "content": event.content,
    }
    return json.dumps(fields, ensure_ascii=False)


def decode_response(text: str) -> Response:
    """Return what a decrypted response says; raises RemoteProtocolError if it says nothing."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise RemoteProtocolError("bunker response: got no JSON") from None
    request_id = value.get("id") if isinstance(value, dict) else None
    if not isinstance(request_id, str):
        raise RemoteProtocolError("bunker response: got no id, want an object with id and result")
    result, error = value.get("result"), value.get("error")
    if result == _AUTH_URL:
        return ApprovalWanted(request_id, _web_address(error))
    if error:
        return Denied(request_id, _words(error))
    if not isinstance(result, str):
        raise RemoteProtocolError("bunker response: got no result, want text")
    return Done(request_id, result)


def decode_signed(asked: UnsignedEvent, result: str) -> SignedEvent:
    """Return the signed event of a `sign_event` result. Its signature is not verified here.

    Raises RemoteProtocolError unless its fields are those that were asked for, and its id theirs.
    """
    event = parse_event(result)
    if event.id != event_id(asked) or event_id(event) != event.id:
        raise RemoteProtocolError("bunker: it signed another event than it was asked to")
    return event


def _is_relay(relay: str) -> bool:
    try:
        parts = urlsplit(relay)
        is_whole = parts.scheme in ("ws", "wss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # half an IPv6 address, a port that is no number
        return False
    return is_whole and "@" not in parts.netloc and relay.isprintable() and " " not in relay


def _web_address(value: object) -> str:
    """Return the address if a person may be sent there, else ""."""
    text = value if isinstance(value, str) else ""
    is_plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_WORDS_CHARS
    return text if is_plain and text.startswith(("https://", "http://")) else ""


def _words(value: object) -> str:
    """Return a signer's words on one bounded line, without what a terminal would obey."""
    text = value if isinstance(value, str) else json.dumps(value)
    line = "".join(char if char.isprintable() else " " for char in text[:MAX_WORDS_CHARS])
    return " ".join(line.split())


_OTHER_SCHEMES = ("nostrconnect", "http", "https", "ws", "wss", "nostr", "file")
