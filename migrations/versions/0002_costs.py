"""What calls cost: prices and kinds of tokens of each usage, the project's share, who called."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("call", sa.Column("caller", sa.String(length=64), server_default="local", nullable=False))
    op.create_index("ix_call_caller_started_at", "call", ["caller", "started_at"])
    for column in (
        sa.Column("input_image_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("input_cached_audio_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("input_cached_image_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("response", sa.Text(), server_default="", nullable=False),
        sa.Column("priced_as_of", sa.String(length=10), server_default="", nullable=False),
        sa.Column("is_estimate", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("project", sa.String(length=40), server_default="", nullable=False),
    ):
        op.add_column("usage", column)
    # A budget's sum must not look up the call of each of a month's rows: they know their project.
    op.execute("UPDATE usage SET project = (SELECT project FROM call WHERE call.id = usage.call_id)")
    op.create_index("ix_usage_project_used_at", "usage", ["project", "used_at"])


def downgrade() -> None:
    op.drop_index("ix_usage_project_used_at", "usage")
    for name in (
        "project",
        "is_estimate",
        "priced_as_of",
        "response",
        "input_cached_image_tokens",
        "input_cached_audio_tokens",
        "input_image_tokens",
    ):
        op.drop_column("usage", name)
    op.drop_index("ix_call_caller_started_at", "call")
    op.drop_column("call", "caller")
