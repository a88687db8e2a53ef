"""NIP-11: the relay's information document, of which we read the limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from agentvoice.core.relay_limits import UNSAID, RelayLimits
from agentvoice.errors import RemoteProtocolError

ACCEPT_HEADER = "application/nostr+json"


@dataclass(frozen=True, slots=True)
class RelayDocument:
    """What a relay says of itself; None or empty: it does not say."""

    name: str = ""
    software: str = ""
    supported_nips: tuple[int, ...] = ()
    limits: RelayLimits = UNSAID


def document_address(relay: str) -> str:
    """Return the http(s) address of the document of a ws(s) relay."""
    parts = urlsplit(relay)
    return urlunsplit(parts._replace(scheme="https" if parts.scheme == "wss" else "http"))


def decode_document(text: str) -> RelayDocument:
    """Return the document; fields of a wrong type count as unsaid, since relays write all sorts.

    Raises RemoteProtocolError if it is no JSON object.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError("relay document: got no JSON, want an object (NIP-11)") from error
    if not isinstance(document, dict):
        raise RemoteProtocolError(f"relay document: got {type(document).__name__}, want an object (NIP-11)")
    found = document.get("limitation")
    nips = document.get("supported_nips")
    return RelayDocument(
        name=_text(document.get("name")),
        software=_text(document.get("software")),
        supported_nips=tuple(nip for nip in nips if type(nip) is int) if isinstance(nips, list) else (),
        limits=_decode_limits(found if isinstance(found, dict) else {}),
    )


def _decode_limits(limits: dict[str, Any]) -> RelayLimits:
    return RelayLimits(
        max_message_bytes=_limit(limits.get("max_message_length")),
        max_content_chars=_limit(limits.get("max_content_length")),
        max_event_tags=_limit(limits.get("max_event_tags")),
        min_pow_bits=_limit(limits.get("min_pow_difficulty")),
        auth_required=limits.get("auth_required") is True,
        payment_required=limits.get("payment_required") is True,
        restricted_writes=limits.get("restricted_writes") is True,
        created_at_lower_limit_s=_limit(limits.get("created_at_lower_limit")),
        created_at_upper_limit_s=_limit(limits.get("created_at_upper_limit")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _limit(value: object) -> int | None:
    # Relays write 0 for "none": taken at its word it would forbid every event.
    return value if type(value) is int and value > 0 else None
