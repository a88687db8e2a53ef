"""Nostr events as plain values (NIP-01 fields); their wire form is in protocols.nostr.nip01."""

from __future__ import annotations

from dataclasses import dataclass

Tags = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class UnsignedEvent:
    """An event that waits for its signature. `created_at` is Unix seconds; `pubkey` 64 digit hex."""

    pubkey: str
    created_at: int
    kind: int
    tags: Tags
    content: str


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """A signed event: `id` and `sig` are lowercase hex. Its bytes never change again."""

    id: str
    pubkey: str
    created_at: int
    kind: int
    tags: Tags
    content: str
    sig: str
