"""NIP-11: the relay's information document, of which we read the limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from agentvoice.errors import RemoteProtocolError

ACCEPT_HEADER = "application/nostr+json"


@dataclass(frozen=True, slots=True)
class RelayDocument:
    """What a relay says of itself; None or empty: it does not say."""

    name: str = ""
    software: str = ""
    supported_nips: tuple[int, ...] = ()
    max_message_bytes: int | None = None
    max_content_chars: int | None = None
    max_event_tags: int | None = None
    min_pow_difficulty: int | None = None
    auth_required: bool = False
    payment_required: bool = False
    restricted_writes: bool = False
    created_at_lower_limit_s: int | None = None
    """How far in the past `created_at` may be."""
    created_at_upper_limit_s: int | None = None
    """How far in the future `created_at` may be."""


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
    limits = found if isinstance(found, dict) else {}
    nips = document.get("supported_nips")
    return RelayDocument(
        name=_text(document.get("name")),
        software=_text(document.get("software")),
        supported_nips=tuple(nip for nip in nips if type(nip) is int) if isinstance(nips, list) else (),
        max_message_bytes=_count(limits.get("max_message_length")),
        max_content_chars=_count(limits.get("max_content_length")),
        max_event_tags=_count(limits.get("max_event_tags")),
        min_pow_difficulty=_count(limits.get("min_pow_difficulty")),
        auth_required=limits.get("auth_required") is True,
        payment_required=limits.get("payment_required") is True,
        restricted_writes=limits.get("restricted_writes") is True,
        created_at_lower_limit_s=_count(limits.get("created_at_lower_limit")),
        created_at_upper_limit_s=_count(limits.get("created_at_upper_limit")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
