"""What calls used and cost: one row for each response or transcription."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.orm import Session

from agentvoice.core.usage import UsageGroup, UsageTotal
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
    rows = session.execute(_sums(since, until).add_columns(name).group_by(name).order_by(name)).all()
    return tuple(_total(_day(row.name) if by is UsageGroup.DAY else row.name, row) for row in rows)


def total_usage(session: Session, since: int, until: int) -> UsageTotal:
    """Return the sum of all that was used from `since` to before `until`; each call counts once."""
    return _total("", session.execute(_sums(since, until)).one())


def _sums(since: int, until: int) -> Select[Any]:
    calls = func.count(UsageRow.call_id.distinct())
    sums = (func.coalesce(func.sum(column), 0) for column in _SUMS)
    return select(calls, func.min(_PRICED), func.max(_PRICED), *sums).where(
        UsageRow.used_at >= since, UsageRow.used_at < until
    )


def _total(name: str, row: Row[Any]) -> UsageTotal:
    calls, priced_from, priced_until, *sums = row[: 3 + len(_SUMS)]
    # PostgreSQL's SUM of bigint is NUMERIC: made an integer again.
    return UsageTotal(name, calls, priced_from or "", priced_until or "", *(int(number) for number in sums))


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
