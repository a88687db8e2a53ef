"""NIP-98: a signed event proves who makes an HTTP request. Here it signs people in."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from dataclasses import dataclass

from agentvoice.core.event import SignedEvent
from agentvoice.errors import SignInWanted, UsageError
from agentvoice.protocols.nostr.nip01 import parse_event

KIND_HTTP_AUTH = 27_235
SCHEME = "Nostr "

MAX_SKEW_S = 60
"""How far an event's time may be from ours, either way (the NIP suggests it)."""


@dataclass(frozen=True, slots=True)
class ProvenRequest:
    """The request that the event must be about. `body` is what the event's `payload` is the hash of."""

    url: str
    method: str
    body: bytes = b""


def decode_authorization(header: str) -> SignedEvent:
    """Return the event of an `Authorization: Nostr …` header; raises UsageError or RemoteProtocolError."""
    try:
        text = b64decode(header.removeprefix(SCHEME).strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise UsageError("Authorization: got no event after `Nostr`, want one as JSON in base64") from None
    return parse_event(text)


def check_proof(event: SignedEvent, request: ProvenRequest, now_ms: int) -> None:
    """Raise SignInWanted unless the event is about this request, made now. Its signature is not checked here."""
    if event.kind != KIND_HTTP_AUTH:
        raise SignInWanted(f"nostr.kind: got {event.kind}, want {KIND_HTTP_AUTH} (NIP-98)")
    off_s = event.created_at - now_ms // 1_000
    if abs(off_s) > MAX_SKEW_S:
        side = "ahead of" if off_s > 0 else "behind"
        raise SignInWanted(
            f"nostr.created_at: got a time {abs(off_s)} s {side} this machine's, want {MAX_SKEW_S} s at most"
        )
    _check_tag(event, "u", request.url)
    _check_tag(event, "method", request.method)
    if any(tag[0] == "payload" for tag in event.tags):
        _check_tag(event, "payload", hashlib.sha256(request.body).hexdigest())


def _check_tag(event: SignedEvent, name: str, wanted: str) -> None:
    got = [tag[1] if len(tag) > 1 else "" for tag in event.tags if tag[0] == name]
    if got != [wanted]:
        raise SignInWanted(f"nostr.{name}: got {ascii(', '.join(got))[:120]}, want {wanted!r}")
