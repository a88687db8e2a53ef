"""What calls used and cost: one row for each response or transcription."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from agentvoice.storage.models import CallRow, UsageRow
from agentvoice.storage.upsert import insert_missing

MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """One use of an engine. `id` is ours (UUIDv7), so a repeated write counts once.

    `project` is the call's. `response` is the provider's name of the reply, "" of a transcription.
    `priced_as_of` is the day of the price table that gave the cost, "" where nothing is billed.
    """

    id: str
    call_id: str
    project: str
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
    input_image_tokens: int = 0
    input_cached_audio_tokens: int = 0
    input_cached_image_tokens: int = 0
    response: str = ""
    priced_as_of: str = ""
    is_estimate: bool = False


class UsageGroup(StrEnum):
    """What a report adds up by. Days are UTC's."""

    DAY = "day"
    PROJECT = "project"
    AGENT = "agent"
    ENGINE = "engine"
    MODEL = "model"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """One line of a report: the sums of a day, project, agent, engine, model or call.

    `estimated_nano_usd` is the part of the cost that was estimated; prices were those of
    `priced_from` to `priced_until` (days, "" where nothing had a price).
    """

    name: str
    calls: int
    priced_from: str
    priced_until: str
    cost_nano_usd: int
    estimated_nano_usd: int
    input_text_tokens: int
    input_audio_tokens: int
    input_image_tokens: int
    input_cached_tokens: int
    output_text_tokens: int
    output_audio_tokens: int
    audio_ms: int


_COLUMNS: dict[UsageGroup, Any] = {
    UsageGroup.DAY: UsageRow.used_at // MS_PER_DAY,
    UsageGroup.PROJECT: UsageRow.project,
    UsageGroup.AGENT: UsageRow.agent,
    UsageGroup.ENGINE: UsageRow.engine,
    UsageGroup.MODEL: UsageRow.model,
    UsageGroup.CALL: UsageRow.call_id,
}
_SUMS = (
    UsageRow.cost_nano_usd,
    case((UsageRow.is_estimate, UsageRow.cost_nano_usd), else_=0),
    UsageRow.input_text_tokens,
    UsageRow.input_audio_tokens,
    UsageRow.input_image_tokens,
    UsageRow.input_cached_tokens,
    UsageRow.output_text_tokens,
    UsageRow.output_audio_tokens,
    UsageRow.audio_ms,
)
_PRICED = func.nullif(UsageRow.priced_as_of, "")


def add_usage(session: Session, entry: UsageEntry) -> None:
    """Store what was used; the same entry again changes nothing."""
    insert_missing(session, UsageRow, asdict(entry))


def usage_of(session: Session, call_id: str) -> tuple[UsageEntry, ...]:
    """Return a call's usage in order."""
    rows = session.scalars(select(UsageRow).where(UsageRow.call_id == call_id).order_by(UsageRow.id))
    return tuple(_value(row) for row in rows)


def report_usage(session: Session, by: UsageGroup, since: int, until: int) -> tuple[UsageTotal, ...]:
    """Return the sums of what was used from `since` to before `until` (UTC ms), by name."""
    name = _COLUMNS[by].label("name")
    query = (
        select(
            name,
            func.count(UsageRow.call_id.distinct()),
            func.min(_PRICED),
            func.max(_PRICED),
            *(func.sum(column) for column in _SUMS),
        )
        .where(UsageRow.used_at >= since, UsageRow.used_at < until)
        .group_by(name)
        .order_by(name)
    )
    return tuple(
        UsageTotal(
            _day(row[0]) if by is UsageGroup.DAY else row[0],
            row[1],
            row[2] or "",
            row[3] or "",
            # PostgreSQL's SUM of bigint is NUMERIC: made an integer again.
            *(int(number) for number in row[4:]),
        )
        for row in session.execute(query).all()
    )


def project_spent(
    session: Session, project: str, since: int, until: int, *, but: Collection[str] = ()
) -> int:
    """Return what a project's calls cost from `since` to before `until` (UTC ms), in nano-dollars.

    The calls `but` are left out: who runs them knows better.
    """
    spent = select(func.sum(UsageRow.cost_nano_usd)).where(
        UsageRow.project == project,
        UsageRow.used_at >= since,
        UsageRow.used_at < until,
        UsageRow.call_id.not_in(but),
    )
    return int(session.scalar(spent) or 0)


def calls_of_caller(session: Session, caller: str, since: int, *, but: Collection[str] = ()) -> int:
    """Return how many calls a caller began from `since` (UTC ms) on, without the calls `but`."""
    begun = select(func.count()).where(
        CallRow.caller == caller, CallRow.started_at >= since, CallRow.id.not_in(but)
    )
    return session.scalar(begun) or 0


def _day(number: int) -> str:
    return datetime.fromtimestamp(number * MS_PER_DAY / 1_000, UTC).date().isoformat()


def _value(row: UsageRow) -> UsageEntry:
    return UsageEntry(**{field.name: getattr(row, field.name) for field in fields(UsageEntry)})
