"""The tables. Nothing outside this floor sees a row: functions beside this file return core values.

Times are integers, UTC ms, 0 for "not yet" (an event's `created_at` alone is Unix seconds: NIP-01).
Money is integer nano-dollars. Ids are ours (UUIDv7 hex), so they sort by the time they were made.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from agentvoice.core.token import DIGEST_CHARS
from agentvoice.core.token import ID_CHARS as TOKEN_ID_CHARS

ID_CHARS = 32
PUBKEY_CHARS = 64
SLUG_CHARS = 40
WORD_CHARS = 20
"""Length of a state, a kind or a reason."""
CALLER_CHARS = 64
DAY_CHARS = 10
"""Of a day as in 2026-11-01."""

# SQLite gives row ids only to a column of the very type INTEGER.
ROW_ID = BigInteger().with_variant(Integer(), "sqlite")


class SpokenText(TypeDecorator[str]):
    """Text from outside, made storable: PostgreSQL takes no NUL, neither database a lone surrogate.

    Such a character is replaced by U+FFFD, so that one odd transcript never loses its item.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return `value` without the characters that a database refuses."""
        if value is None:
            return None
        value = value.replace("\x00", "\ufffd")
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Row(DeclarativeBase):
    """A table. Names of constraints are fixed, so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger(), str: Text()}


class AgentRow(Row):
    """An agent; what it is stands in its revisions. A removed agent stays for the calls it spoke in."""

    __tablename__ = "agent"
    __table_args__ = (
        # A removed agent's slug may be given again.
        Index(
            "uq_agent_slug_living",
            "slug",
            unique=True,
            sqlite_where=text("removed_at = 0"),
            postgresql_where=text("removed_at = 0"),
        ),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    slug: Mapped[str] = mapped_column(String(SLUG_CHARS), index=True)
    revision: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[int]
    removed_at: Mapped[int] = mapped_column(server_default="0")


class AgentRevisionRow(Row):
    """One version of a profile, as JSON: it is written once and always read whole, and a new
    setting needs no migration (older revisions take its default).
    """

    __tablename__ = "agent_revision"

    agent_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("agent.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    profile: Mapped[str] = mapped_column(SpokenText)
    created_at: Mapped[int]


class ProjectRow(Row):
    """A project, its settings as JSON for the same reason as an agent's."""

    __tablename__ = "project"

    slug: Mapped[str] = mapped_column(String(SLUG_CHARS), primary_key=True)
    pubkey: Mapped[str] = mapped_column(String(PUBKEY_CHARS))
    settings: Mapped[str] = mapped_column(SpokenText)
    created_at: Mapped[int]
    updated_at: Mapped[int]


class KeyRow(Row):
    """A signing key: where its secret is, never the secret in clear."""

    __tablename__ = "signing_key"

    pubkey: Mapped[str] = mapped_column(String(PUBKEY_CHARS), primary_key=True)
    npub: Mapped[str] = mapped_column(String(PUBKEY_CHARS), unique=True)
    reference: Mapped[str]
    label: Mapped[str] = mapped_column(SpokenText, server_default="")
    created_at: Mapped[int]
    ncryptsec: Mapped[str] = mapped_column(Text, server_default="")
    """The secret encrypted under a passphrase (NIP-49), for references `ncryptsec:…`; else empty."""


class CallRow(Row):
    """A call, and where its thread stands.

    `publication_locked_by` and `…_until`: the process that prepares the thread. `prepared_at`: when
    its events were signed and stored; from then on the thread is frozen.
    """

    __tablename__ = "call"
    __table_args__ = (
        Index(None, "project", "id"),
        Index(None, "state", "lease_until"),
        Index(None, "publication", "ended_at"),
        Index(None, "caller", "started_at"),
        Index(None, "unpublished_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    project: Mapped[str] = mapped_column(String(SLUG_CHARS))
    agent: Mapped[str] = mapped_column(String(SLUG_CHARS))
    transport: Mapped[str] = mapped_column(String(WORD_CHARS))
    engine: Mapped[str] = mapped_column(String(WORD_CHARS))
    state: Mapped[str] = mapped_column(String(WORD_CHARS))
    policy: Mapped[str] = mapped_column(String(WORD_CHARS))
    relays: Mapped[str]
    """Addresses, one a line: where the thread goes, however the project is changed later."""
    owner_id: Mapped[str] = mapped_column(Text)
    lease_until: Mapped[int]
    started_at: Mapped[int]
    end_reason: Mapped[str | None] = mapped_column(String(WORD_CHARS))
    ended_at: Mapped[int] = mapped_column(server_default="0")
    do_not_publish: Mapped[bool] = mapped_column(server_default=false())
    publication: Mapped[str] = mapped_column(String(WORD_CHARS), server_default="none")
    prepared_at: Mapped[int] = mapped_column(server_default="0")
    published_at: Mapped[int] = mapped_column(server_default="0")
    publication_error: Mapped[str] = mapped_column(SpokenText, server_default="")
    publication_locked_by: Mapped[str] = mapped_column(Text, server_default="")
    publication_locked_until: Mapped[int] = mapped_column(server_default="0")
    caller: Mapped[str] = mapped_column(String(CALLER_CHARS), server_default="local")
    unpublished_at: Mapped[int] = mapped_column(server_default="0")
    """When the operator asked the relays to forget the thread (NIP-09)."""
    redactions: Mapped[str] = mapped_column(SpokenText, server_default="")
    """What was redacted before signing: counts by rule, as JSON."""


class CallAgentRow(Row):
    """An agent's part in a call, with the revision that spoke; one row per time it took the call."""

    __tablename__ = "call_agent"
    __table_args__ = (
        ForeignKeyConstraint(["agent_id", "revision"], ["agent_revision.agent_id", "agent_revision.number"]),
        Index(None, "slug", "call_id"),
    )

    call_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("call.id"), primary_key=True)
    joined_at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    agent_id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer)
    slug: Mapped[str] = mapped_column(String(SLUG_CHARS))


class CallLogRow(Row):
    """What happened to a call, for the operator who asks later (sessions lost, switches, leases)."""

    __tablename__ = "call_log"
    __table_args__ = (Index(None, "call_id", "id"),)

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    call_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("call.id"))
    happened_at: Mapped[int]
    name: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(SpokenText, server_default="")


class ItemRow(Row):
    """One item of a conversation; a position is given once in a call."""

    __tablename__ = "item"
    __table_args__ = (UniqueConstraint("call_id", "position"),)

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("call.id"))
    position: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(WORD_CHARS))
    role: Mapped[str] = mapped_column(String(WORD_CHARS))
    agent: Mapped[str] = mapped_column(String(SLUG_CHARS))
    text: Mapped[str] = mapped_column(SpokenText)
    status: Mapped[str] = mapped_column(String(WORD_CHARS))
    heard_ms: Mapped[int | None]
    started_at: Mapped[int]
    completed_at: Mapped[int]
    tool_name: Mapped[str] = mapped_column(SpokenText, server_default="")
    tool_call_id: Mapped[str] = mapped_column(SpokenText, server_default="")


class UsageRow(Row):
    """What one response or transcription used, and what it cost.

    `project` is the call's, so that a budget's sum reads these rows alone.
    """

    __tablename__ = "usage"
    __table_args__ = (
        Index(None, "call_id", "id"),
        Index(None, "used_at"),
        Index(None, "project", "used_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(ID_CHARS), ForeignKey("call.id"))
    agent: Mapped[str] = mapped_column(String(SLUG_CHARS))
    engine: Mapped[str] = mapped_column(String(WORD_CHARS))
    model: Mapped[str] = mapped_column(SpokenText)
    input_text_tokens: Mapped[int]
    input_audio_tokens: Mapped[int]
    input_cached_tokens: Mapped[int]
    output_text_tokens: Mapped[int]
    output_audio_tokens: Mapped[int]
    audio_ms: Mapped[int]
    cost_nano_usd: Mapped[int]
    used_at: Mapped[int]
    input_image_tokens: Mapped[int] = mapped_column(server_default="0")
    input_cached_audio_tokens: Mapped[int] = mapped_column(server_default="0")
    input_cached_image_tokens: Mapped[int] = mapped_column(server_default="0")
    response: Mapped[str] = mapped_column(SpokenText, server_default="")
    priced_as_of: Mapped[str] = mapped_column(String(DAY_CHARS), server_default="")
    is_estimate: Mapped[bool] = mapped_column(server_default=false())
    project: Mapped[str] = mapped_column(String(SLUG_CHARS), server_default="")


class TokenRow(Row):
    """What lets a client in (core.token): its digest, never the token."""

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(String(TOKEN_ID_CHARS), primary_key=True)
    name: Mapped[str] = mapped_column(SpokenText)
    digest: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    scope: Mapped[str] = mapped_column(String(WORD_CHARS))
    created_at: Mapped[int]
    expires_at: Mapped[int]
    revoked_at: Mapped[int] = mapped_column(server_default="0")


class SignInRow(Row):
    """A browser that signed in, by a token or as `npub`: the digest of its cookie, until `expires_at`.

    `proof` is the id of the Nostr event it signed in with, kept so that the event serves only once.
    """

    __tablename__ = "sign_in"
    __table_args__ = (UniqueConstraint("proof"), Index(None, "expires_at"))

    id: Mapped[str] = mapped_column(String(TOKEN_ID_CHARS), primary_key=True)
    digest: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    token_id: Mapped[str | None] = mapped_column(String(TOKEN_ID_CHARS), ForeignKey("token.id"))
    npub: Mapped[str | None] = mapped_column(String(PUBKEY_CHARS))
    proof: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[int]
    expires_at: Mapped[int]
    ended_at: Mapped[int] = mapped_column(server_default="0")
