"""What publishing needs: deletions, edits and redactions, profiles, relay lists, encrypted keys."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("call", sa.Column("unpublished_at", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_call_unpublished_at", "call", ["unpublished_at"])
    op.add_column("call", sa.Column("redactions", sa.Text(), server_default="", nullable=False))
    op.add_column("signing_key", sa.Column("ncryptsec", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "delivery", sa.Column("purpose", sa.String(length=20), server_default="thread", nullable=False)
    )
    op.create_index(
        "ix_delivery_relay_state_next_attempt_at", "delivery", ["relay", "state", "next_attempt_at"]
    )
    op.create_table(
        "turn_edit",
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("edited_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="fk_turn_edit_call_id_call"),
        sa.PrimaryKeyConstraint("call_id", "position", name="pk_turn_edit"),
    )
    op.create_table(
        "profile_delivery",
        sa.Column("pubkey", sa.String(length=64), nullable=False),
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("last_answer", sa.Text(), server_default="", nullable=False),
        sa.Column("locked_by", sa.Text(), server_default="", nullable=False),
        sa.Column("locked_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("pubkey", "relay", name="pk_profile_delivery"),
    )
    op.create_index(
        "ix_profile_delivery_state_next_attempt_at", "profile_delivery", ["state", "next_attempt_at"]
    )
    op.create_table(
        "relay_list",
        sa.Column("pubkey", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("relays", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pubkey", "kind", name="pk_relay_list"),
    )


def downgrade() -> None:
    for table in ("relay_list", "profile_delivery", "turn_edit"):
        op.drop_table(table)
    op.drop_index("ix_delivery_relay_state_next_attempt_at", "delivery")
    op.drop_column("delivery", "purpose")
    op.drop_column("signing_key", "ncryptsec")
    op.drop_column("call", "redactions")
    op.drop_index("ix_call_unpublished_at", "call")
    op.drop_column("call", "unpublished_at")
