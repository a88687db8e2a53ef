"""The first tables: agents, projects, keys, calls, items, usage, events, deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite gives row ids only to a column of the very type INTEGER.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "agent",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agent"),
    )
    op.create_index("ix_agent_slug", "agent", ["slug"])
    op.create_index(
        "uq_agent_slug_living",
        "agent",
        ["slug"],
        unique=True,
        sqlite_where=sa.text("removed_at = 0"),
        postgresql_where=sa.text("removed_at = 0"),
    )
    op.create_table(
        "call",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=40), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("transport", sa.String(length=20), nullable=False),
        sa.Column("engine", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("policy", sa.String(length=20), nullable=False),
        sa.Column("relays", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("end_reason", sa.String(length=20), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("do_not_publish", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("publication", sa.String(length=20), server_default="none", nullable=False),
        sa.Column("prepared_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("published_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("publication_error", sa.Text(), server_default="", nullable=False),
        sa.Column("publication_locked_by", sa.Text(), server_default="", nullable=False),
        sa.Column("publication_locked_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call"),
    )
    op.create_index("ix_call_project_id", "call", ["project", "id"])
    op.create_index("ix_call_publication_ended_at", "call", ["publication", "ended_at"])
    op.create_index("ix_call_state_lease_until", "call", ["state", "lease_until"])
    op.create_table(
        "project",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("pubkey", sa.String(length=64), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_project"),
    )
    op.create_table(
        "signing_key",
        sa.Column("pubkey", sa.String(length=64), nullable=False),
        sa.Column("npub", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pubkey", name="pk_signing_key"),
        sa.UniqueConstraint("npub", name="uq_signing_key_npub"),
    )
    op.create_table(
        "agent_revision",
        sa.Column("agent_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name="fk_agent_revision_agent_id_agent"),
        sa.PrimaryKeyConstraint("agent_id", "number", name="pk_agent_revision"),
    )
    op.create_table(
        "call_log",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="fk_call_log_call_id_call"),
        sa.PrimaryKeyConstraint("id", name="pk_call_log"),
    )
    op.create_index("ix_call_log_call_id_id", "call_log", ["call_id", "id"])
    op.create_table(
        "event",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("pubkey", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.Column("published_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="fk_event_call_id_call"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sa.UniqueConstraint("call_id", "position", name="uq_event_call_id_position"),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("heard_ms", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=False),
        sa.Column("tool_name", sa.Text(), server_default="", nullable=False),
        sa.Column("tool_call_id", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="fk_item_call_id_call"),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
        sa.UniqueConstraint("call_id", "position", name="uq_item_call_id_position"),
    )
    op.create_table(
        "usage",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("engine", sa.String(length=20), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("input_text_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_text_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("audio_ms", sa.BigInteger(), nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="fk_usage_call_id_call"),
        sa.PrimaryKeyConstraint("id", name="pk_usage"),
    )
    op.create_index("ix_usage_call_id_id", "usage", ["call_id", "id"])
    op.create_index("ix_usage_used_at", "usage", ["used_at"])
    op.create_table(
        "call_agent",
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id", "revision"],
            ["agent_revision.agent_id", "agent_revision.number"],
            name="fk_call_agent_agent_id_revision_agent_revision",
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="fk_call_agent_call_id_call"),
        sa.PrimaryKeyConstraint("call_id", "joined_at", "agent_id", name="pk_call_agent"),
    )
    op.create_index("ix_call_agent_slug_call_id", "call_agent", ["slug", "call_id"])
    op.create_table(
        "delivery",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("is_root", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("last_answer", sa.Text(), server_default="", nullable=False),
        sa.Column("locked_by", sa.Text(), server_default="", nullable=False),
        sa.Column("locked_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="fk_delivery_call_id_call"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_delivery_event_id_event"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("event_id", "relay", name="uq_delivery_event_id_relay"),
    )
    op.create_index("ix_delivery_call_id_relay_is_root", "delivery", ["call_id", "relay", "is_root"])
    op.create_index("ix_delivery_state_next_attempt_at", "delivery", ["state", "next_attempt_at"])


def downgrade() -> None:
    for table in (
        "delivery",
        "call_agent",
        "usage",
        "item",
        "event",
        "call_log",
        "agent_revision",
        "signing_key",
        "project",
        "call",
        "agent",
    ):
        op.drop_table(table)
