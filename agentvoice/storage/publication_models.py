"""The tables of publishing: events, their deliveries, and what the operator and the relays add.

As in storage.models, of which they are a part: no row leaves the storage floor, times are UTC ms.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agentvoice.storage.models import ID_CHARS, PUBKEY_CHARS, ROW_ID, WORD_CHARS, Row, SpokenText


class EventRow(Row):
    """A signed event of a call's thread; `position` 0 is the root.

    `json` is the event exactly as it was signed: every retry sends these bytes. `published_text`
    is the text that went out, which an edit or a redaction may have made another than the items'.
    """

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("call_id", "position"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("call.id"))
    position: Mapped[int] = mapped_column(Integer)
    pubkey: Mapped[str] = mapped_column(String(PUBKEY_CHARS))
    kind: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[int]
    json: Mapped[bytes] = mapped_column(LargeBinary)
    published_text: Mapped[str] = mapped_column(SpokenText)


class DeliveryRow(Row):
    """One event for one relay."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "relay"),
        Index(None, "state", "next_attempt_at"),
        Index(None, "call_id", "relay", "is_root"),
        Index(None, "relay", "state", "next_attempt_at"),
    )

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    call_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("call.id"))
    event_id: Mapped[str] = mapped_column(String(64), ForeignKey("event.id"))
    relay: Mapped[str]
    is_root: Mapped[bool]
    """Waits for no other event: the thread's root; each wrap of a private thread; a deletion."""
    state: Mapped[str] = mapped_column(String(WORD_CHARS))
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[int]
    next_attempt_at: Mapped[int]
    last_answer: Mapped[str] = mapped_column(SpokenText, server_default="")
    locked_by: Mapped[str] = mapped_column(Text, server_default="")
    locked_until: Mapped[int] = mapped_column(server_default="0")
    purpose: Mapped[str] = mapped_column(String(WORD_CHARS), server_default="thread")
    """`thread`, or `deletion`: only the former say where the publication stands."""


class TurnEditRow(Row):
    """An operator's text for one turn of the published copy; empty leaves the turn out.

    `position` is that of the turn's first item. The items themselves are never changed.
    """

    __tablename__ = "turn_edit"

    call_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("call.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(SpokenText)
    edited_at: Mapped[int]


class ProfileDeliveryRow(Row):
    """An agent's newest profile (kind 0) for one relay; a newer one takes the row over.

    `digest` is of what the profile says, so that a new event is signed only when that changes.
    """

    __tablename__ = "profile_delivery"
    __table_args__ = (Index(None, "state", "next_attempt_at"),)

    pubkey: Mapped[str] = mapped_column(String(PUBKEY_CHARS), primary_key=True)
    relay: Mapped[str] = mapped_column(Text, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    json: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int]
    state: Mapped[str] = mapped_column(String(WORD_CHARS))
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    next_attempt_at: Mapped[int]
    last_answer: Mapped[str] = mapped_column(SpokenText, server_default="")
    locked_by: Mapped[str] = mapped_column(Text, server_default="")
    locked_until: Mapped[int] = mapped_column(server_default="0")


class RelayListRow(Row):
    """The relays that a pubkey names for itself, as last read: kind 10002 (NIP-65) or 10050 (NIP-17)."""

    __tablename__ = "relay_list"

    pubkey: Mapped[str] = mapped_column(String(PUBKEY_CHARS), primary_key=True)
    kind: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    relays: Mapped[str]
    """One a line: `r`, `w` or `rw` for reading and writing, then the address."""
    created_at: Mapped[int]
    fetched_at: Mapped[int]
