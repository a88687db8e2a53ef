"""NIP-01: events and the frames between client and relay. Text in, values out.

`id` = SHA-256 of `[0, pubkey, created_at, kind, tags, content]` as JSON without spaces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentvoice.core.event import SignedEvent, Tags, UnsignedEvent
from agentvoice.errors import InvalidKey, LocalProtocolError, RemoteProtocolError

KIND_TEXT_NOTE = 1
MAX_KIND = 65_535
PUBLISH_FRAME_BYTES = len('["EVENT",]')
"""What a frame `["EVENT", event]` is longer than its event."""
MAX_CREATED_AT = 2**53 - 1  # what every JSON library holds exactly

_HEX_32_BYTES = re.compile(r"[0-9a-f]{64}")
_HEX_64_BYTES = re.compile(r"[0-9a-f]{128}")
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Ok:
    """A relay's answer to EVENT or AUTH; some relays leave `event_id` empty."""

    event_id: str
    accepted: bool
    message: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A relay's words to people; some relays send it instead of OK."""

    message: str


@dataclass(frozen=True, slots=True)
class EventFound:
    """A stored event that matches a subscription."""

    subscription: str
    event: SignedEvent


@dataclass(frozen=True, slots=True)
class EndOfStoredEvents:
    """EOSE: everything stored has been sent."""

    subscription: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The relay ended, or refused, a subscription."""

    subscription: str
    message: str


@dataclass(frozen=True, slots=True)
class AuthChallenge:
    """NIP-42: the relay wants to know who we are."""

    challenge: str


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A frame of an extension that we do not speak (COUNT, NEG-MSG …)."""

    label: str


RelayFrame = Ok | Notice | EventFound | EndOfStoredEvents | Closed | AuthChallenge | UnknownFrame


def serialize_event(event: UnsignedEvent | SignedEvent) -> bytes:
    """Return the bytes that the id is the hash of; raise LocalProtocolError if they cannot be made."""
    fields = [0, event.pubkey, event.created_at, event.kind, event.tags, event.content]
    return _encode_json(fields)


def event_id(event: UnsignedEvent | SignedEvent) -> str:
    """Return the id that the event's fields give, whatever id it claims."""
    return hashlib.sha256(serialize_event(event)).hexdigest()


def check_author(event: UnsignedEvent, pubkey: str) -> None:
    """Raise InvalidKey unless the event is of the hex public key that is to sign it."""
    if event.pubkey != pubkey:
        raise InvalidKey(f"event.pubkey: got {event.pubkey[:12]}…, want the signer's {pubkey[:12]}…")


def check_unsigned(event: UnsignedEvent) -> None:
    """Raise LocalProtocolError naming the first field that no relay would take."""
    _check_fields(event, LocalProtocolError)


def encode_event(event: SignedEvent) -> str:
    """Return the event as a JSON object."""
    return _encode_json(_event_fields(event)).decode()


def decode_event(value: object) -> SignedEvent:
    """Return the event of a decoded JSON object; its id and signature are not verified here.

    Raises RemoteProtocolError naming the field that is missing or wrong; unknown fields are ignored.
    """
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"event: got {_show(value)}, want an object")
    for name in ("id", "pubkey", "created_at", "kind", "tags", "content", "sig"):
        if name not in value:
            raise RemoteProtocolError(f"event.{name}: missing")
    event = SignedEvent(
        id=value["id"],
        pubkey=value["pubkey"],
        created_at=value["created_at"],
        kind=value["kind"],
        tags=_decode_tags(value["tags"]),
        content=value["content"],
        sig=value["sig"],
    )
    _check_hex("id", event.id, _HEX_32_BYTES, RemoteProtocolError)
    _check_hex("sig", event.sig, _HEX_64_BYTES, RemoteProtocolError)
    _check_fields(event, RemoteProtocolError)
    return event


def parse_event(text: str) -> SignedEvent:
    """Return the event of a JSON text; raises as decode_event does."""
    return decode_event(_decode_json(text))


def encode_publish(event: SignedEvent) -> str:
    """Return the frame `["EVENT", event]`."""
    return _encode_json(["EVENT", _event_fields(event)]).decode()


def encode_request(subscription: str, filters: Sequence[dict[str, object]]) -> str:
    """Return the frame `["REQ", subscription, filter…]`."""
    return _encode_json(["REQ", subscription, *filters]).decode()


def encode_close(subscription: str) -> str:
    """Return the frame `["CLOSE", subscription]`."""
    return _encode_json(["CLOSE", subscription]).decode()


def encode_auth(event: SignedEvent) -> str:
    """Return the frame `["AUTH", event]` (NIP-42)."""
    return _encode_json(["AUTH", _event_fields(event)]).decode()


def decode_relay_frame(text: str) -> RelayFrame:
    """Return the frame a relay sent; raise RemoteProtocolError naming what is wrong with it."""
    frame = _decode_json(text)
    if not isinstance(frame, list) or not frame or not isinstance(frame[0], str):
        raise RemoteProtocolError(f"relay frame: got {_show(text)}, want an array that begins with its name")
    label = frame[0]
    decoder = _DECODERS.get(label)
    if decoder is None:
        return UnknownFrame(label)
    decode, count = decoder
    if len(frame) < count:
        raise RemoteProtocolError(f"relay frame {label}: got {len(frame)} fields, want {count}")
    return decode(frame)


def _decode_ok(frame: list[Any]) -> RelayFrame:
    if not isinstance(frame[2], bool):
        raise RemoteProtocolError(f"relay frame OK: got {_show(frame[2])} for accepted, want true or false")
    message = (
        _text("OK", "message", frame[3]) if len(frame) > 3 else ""
    )  # NIP-01 wants it; old relays omit it
    return Ok(_text("OK", "id", frame[1]), frame[2], message)


_DECODERS: dict[str, tuple[Callable[[list[Any]], RelayFrame], int]] = {
    "OK": (_decode_ok, 3),
    "NOTICE": (lambda frame: Notice(_text("NOTICE", "message", frame[1])), 2),
    "EVENT": (lambda frame: EventFound(_text("EVENT", "subscription", frame[1]), decode_event(frame[2])), 3),
    "EOSE": (lambda frame: EndOfStoredEvents(_text("EOSE", "subscription", frame[1])), 2),
    "CLOSED": (
        lambda frame: Closed(
            _text("CLOSED", "subscription", frame[1]),
            _text("CLOSED", "message", frame[2]) if len(frame) > 2 else "",
        ),
        2,
    ),
    "AUTH": (lambda frame: AuthChallenge(_text("AUTH", "challenge", frame[1])), 2),
}


def _text(label: str, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise RemoteProtocolError(f"relay frame {label}: got {_show(value)} for {name}, want text")
    return value


def _decode_tags(value: object) -> Tags:
    if not isinstance(value, list):
        raise RemoteProtocolError(f"event.tags: got {_show(value)}, want an array")
    for tag in value:
        if not isinstance(tag, list) or not tag or not all(isinstance(part, str) for part in tag):
            raise RemoteProtocolError(f"event.tags: got {_show(tag)}, want an array of texts, not empty")
    return tuple(tuple(tag) for tag in value)


def _check_fields(
    event: UnsignedEvent | SignedEvent, error: type[LocalProtocolError | RemoteProtocolError]
) -> None:
    _check_hex("pubkey", event.pubkey, _HEX_32_BYTES, error)
    _check_int("created_at", event.created_at, MAX_CREATED_AT, error)
    _check_int("kind", event.kind, MAX_KIND, error)
    if not isinstance(event.content, str):
        raise error(f"event.content: got {_show(event.content)}, want text")
    for tag in event.tags:
        if not tag or not all(isinstance(part, str) for part in tag):
            raise error(f"event.tags: got {_show(tag)}, want texts, not empty")


def _check_hex(
    name: str,
    value: object,
    pattern: re.Pattern[str],
    error: type[LocalProtocolError | RemoteProtocolError],
) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        digits = 64 if pattern is _HEX_32_BYTES else 128
        raise error(f"event.{name}: got {_show(value)}, want {digits} lowercase hex digits")


def _check_int(
    name: str, value: object, highest: int, error: type[LocalProtocolError | RemoteProtocolError]
) -> None:
    # bool is an int in Python; a float would sign and be refused by every relay.
    if type(value) is not int or not 0 <= value <= highest:
        raise error(f"event.{name}: got {_show(value)}, want a whole number from 0 to {highest}")


def _event_fields(event: SignedEvent) -> dict[str, object]:
    return {
        "id": event.id,
        "pubkey": event.pubkey,
        "created_at": event.created_at,
        "kind": event.kind,
        "tags": event.tags,
        "content": event.content,
        "sig": event.sig,
    }


def _encode_json(value: object) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        raise LocalProtocolError(f"event: cannot be written as JSON: {type(error).__name__}") from error


def _decode_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # JSONDecodeError, huge numbers, nesting bombs
        raise RemoteProtocolError(f"relay frame: got {_show(text)}, want JSON") from error


def _show(value: object) -> str:
    """Return `value` short enough for a one-line message, whatever a peer put in it."""
    text = value if isinstance(value, str) else f"{type(value).__name__} {value!r:.{_SHOWN_CHARS}}"
    return ascii(text[:_SHOWN_CHARS])
