"""What calls used and cost: one row for each response or transcription."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agentvoice.storage.models import CallRow, UsageRow
from agentvoice.storage.upsert import insert_missing


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """One use of an engine. `id` is ours (UUIDv7), so a repeated write counts once."""

    id: str
    call_id: str
    agent: str
    engine: str
    model: str
    used_at: int  # UTC ms
    cost_nano_usd: int = 0
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_cached_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    audio_ms: int = 0


class UsageGroup(StrEnum):
    """What a report adds up by."""

    PROJECT = "project"
    AGENT = "agent"
    ENGINE = "engine"
    MODEL = "model"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """One line of a report: the sums of a project, agent, engine, model or call."""

    name: str
    calls: int
    cost_nano_usd: int
    input_text_tokens: int
    input_audio_tokens: int
    input_cached_tokens: int
    output_text_tokens: int
    output_audio_tokens: int
    audio_ms: int


_COLUMNS = {
    UsageGroup.PROJECT: CallRow.project,
    UsageGroup.AGENT: UsageRow.agent,
    UsageGroup.ENGINE: UsageRow.engine,
    UsageGroup.MODEL: UsageRow.model,
    UsageGroup.CALL: UsageRow.call_id,
}
_SUMS = (
    UsageRow.cost_nano_usd,
    UsageRow.input_text_tokens,
    UsageRow.input_audio_tokens,
    UsageRow.input_cached_tokens,
    UsageRow.output_text_tokens,
    UsageRow.output_audio_tokens,
    UsageRow.audio_ms,
)


def add_usage(session: Session, entry: UsageEntry) -> None:
    """Store what was used; the same entry again changes nothing."""
    insert_missing(session, UsageRow, asdict(entry))


def usage_of(session: Session, call_id: str) -> tuple[UsageEntry, ...]:
    """Return a call's usage in order."""
    rows = session.scalars(select(UsageRow).where(UsageRow.call_id == call_id).order_by(UsageRow.id))
    return tuple(_value(row) for row in rows)


def report_usage(session: Session, by: UsageGroup, since: int, until: int) -> tuple[UsageTotal, ...]:
    """Return the sums of what was used from `since` to before `until` (UTC ms), by name."""
    name = _COLUMNS[by]
    query = (
        # PostgreSQL's SUM of bigint is NUMERIC: made an integer again below.
        select(name, func.count(UsageRow.call_id.distinct()), *(func.sum(column) for column in _SUMS))
        .join(CallRow, CallRow.id == UsageRow.call_id)
        .where(UsageRow.used_at >= since, UsageRow.used_at < until)
        .group_by(name)
        .order_by(name)
    )
    return tuple(
        UsageTotal(str(row[0]), *(int(number) for number in row[1:])) for row in session.execute(query).all()
    )


def _value(row: UsageRow) -> UsageEntry:
    return UsageEntry(
        id=row.id,
        call_id=row.call_id,
        agent=row.agent,
        engine=row.engine,
        model=row.model,
        used_at=row.used_at,
        cost_nano_usd=row.cost_nano_usd,
        input_text_tokens=row.input_text_tokens,
        input_audio_tokens=row.input_audio_tokens,
        input_cached_tokens=row.input_cached_tokens,
        output_text_tokens=row.output_text_tokens,
        output_audio_tokens=row.output_audio_tokens,
        audio_ms=row.audio_ms,
    )
