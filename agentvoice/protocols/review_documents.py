"""The JSON documents of what would be published of a call that waits for review."""

from __future__ import annotations

import msgspec


class ReviewTurnDocument(msgspec.Struct):
    """One turn; `number` counts from 1, `text` is what would be published, null if it is left out.

    `signer` is an npub, null while no key of it is known; `redacted` are kinds of rules.
    """

    number: int
    position: int
    speaker: str
    signer: str | None
    text: str | None
    edited: bool
    redacted: list[str]


class ReviewEventDocument(msgspec.Struct):
    """One event as it would be signed, but for its time and what follows from that."""

    signer: str
    content: str
    tags: list[list[str]]


class ReviewDocument(msgspec.Struct):
    """The published copy as it stands. `missing_keys` and `unread_secrets` say what keeps it from being
    signed here.
    """

    title: str
    shape: str
    relays: list[str]
    edited: int
    redactions: dict[str, int]
    turns: list[ReviewTurnDocument]
    events: list[ReviewEventDocument]
    missing_keys: list[str]
    unread_secrets: list[str]
