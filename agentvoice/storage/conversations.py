"""Calls and their items: written as they happen, read back as core values.

Every write may safely be done twice: the writer repeats a group whose commit failed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from agentvoice.core.agent import AgentRevision
from agentvoice.core.call import (
    LEASE_VALID_MS,
    Call,
    CallAgent,
    CallState,
    EndReason,
    PublicationState,
)
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import CallError, NotFound
from agentvoice.storage.agents import revision_value
from agentvoice.storage.call_search import mentions
from agentvoice.storage.models import AgentRevisionRow, CallAgentRow, CallRow, ItemRow
from agentvoice.storage.upsert import insert_missing, upsert

PAGE_CALLS = 50
"""Calls on one page of the history, unless more are asked for."""

_OPEN_STATES = tuple(state.value for state in CallState if state is not CallState.ENDED)

_PUBLICATION_AT_END = {
    PublishPolicy.PUBLIC: PublicationState.QUEUED,
    PublishPolicy.PRIVATE: PublicationState.QUEUED,
    PublishPolicy.REVIEW: PublicationState.REVIEW,
    PublishPolicy.OFF: PublicationState.NONE,
}


# Writing: the life of a call.


def create_call(session: Session, call: Call) -> None:
    """Store a call that begins."""
    insert_missing(session, CallRow, {**asdict(call), "relays": "\n".join(call.relays)})


def add_call_agent(session: Session, call_id: str, revision: AgentRevision, joined_at: int) -> None:
    """Record that an agent took the call, with the revision of it that speaks."""
    values = {
        "call_id": call_id,
        "joined_at": joined_at,
        "agent_id": revision.agent_id,
        "revision": revision.number,
        "slug": revision.profile.slug,
    }
    insert_missing(session, CallAgentRow, values)


def upsert_item(session: Session, call_id: str, item: Item) -> None:
    """Store an item, or what it has become. Its call and position never change.

    Raises CallError when the item is stored elsewhere, or its position is another item's.
    """
    values = {**asdict(item), "call_id": call_id}
    if not upsert(session, ItemRow, values, key=("id",), fixed=("call_id", "position")):
        raise CallError(f"item {item.id}: it is stored in another call or at another position")


def remove_item(session: Session, call_id: str, item_id: str) -> None:
    """Forget an item that nobody heard; its position stays unused."""
    row = session.get(ItemRow, item_id)
    if row is not None and row.call_id == call_id:
        session.delete(row)
        session.flush()


def set_call_state(session: Session, call_id: str, state: CallState) -> None:
    """Record where an open call stands; an ended call stays ended (`end_call` alone ends it)."""
    if state is CallState.ENDED:
        raise CallError("call.state: got ended, want end_call, which also decides on publishing")
    session.execute(
        update(CallRow).where(CallRow.id == call_id, CallRow.state.in_(_OPEN_STATES)).values(state=state)
    )


def set_call_engine(session: Session, call_id: str, engine: str) -> None:
    """Record the engine that the call goes on with."""
    session.execute(update(CallRow).where(CallRow.id == call_id).values(engine=engine))


def set_do_not_publish(session: Session, call_id: str) -> None:
    """Keep the whole call from being published: one way, nothing here takes it back.

    A thread whose events are already signed is past this; the operator may unpublish it.
    """
    session.execute(update(CallRow).where(CallRow.id == call_id).values(do_not_publish=True))
    waiting = (PublicationState.QUEUED, PublicationState.REVIEW)
    session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, CallRow.publication.in_(waiting), CallRow.prepared_at == 0)
        .values(publication=PublicationState.NONE)
    )


def renew_leases(
    session: Session, owner_id: str, lease_until: int, call_ids: Collection[str]
) -> tuple[str, ...]:
    """Extend the leases of the calls that an owner runs; return those that are not its own any more.

    Those were taken for crashed. A call that the owner does not name runs out: nobody runs it.
    """
    named = CallRow.id.in_(call_ids)
    is_held = CallRow.state.in_(_OPEN_STATES) & (CallRow.owner_id == owner_id)
    session.execute(update(CallRow).where(named, is_held).values(lease_until=lease_until))
    return tuple(session.scalars(select(CallRow.id).where(named, ~is_held).order_by(CallRow.id)))


def end_call(
    session: Session, call_id: str, reason: EndReason, ended_at: int, *, stays_off: bool = False
) -> bool:
    """End a call and, in the same transaction, mark what becomes of its thread.

    `stays_off`: the caller wants it unpublished. Return False if it was ended before. Raises NotFound.
    """
    if stays_off:
        set_do_not_publish(session, call_id)
    row = session.get(CallRow, call_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise no_call(call_id)
    if row.state == CallState.ENDED:
        return False
    row.state, row.end_reason, row.ended_at = CallState.ENDED.value, reason.value, ended_at
    row.publication = _publication_at_end(session, row)
    session.flush()
    return True


def take_crashed_calls(
    session: Session, now: int, owner_id: str, living: Collection[str] = ()
) -> tuple[str, ...]:
    """End the open calls whose lease has run out, but for `living`, and return their ids.

    One conditional UPDATE: each call goes to one process only. A crashed call ended when its owner
    last gave a sign of life; an item that was in progress has failed.
    """
    taken = session.execute(
        update(CallRow)
        .where(CallRow.state.in_(_OPEN_STATES), CallRow.lease_until < now, CallRow.id.not_in(living))
        .values(state=CallState.ENDED, end_reason=EndReason.CRASH, owner_id=owner_id)
        .returning(CallRow.id)
        .execution_options(synchronize_session=False)
    )
    ids = tuple(sorted(taken.scalars()))
    for call_id in ids:
        session.execute(
            update(ItemRow)
            .where(ItemRow.call_id == call_id, ItemRow.status == ItemStatus.IN_PROGRESS)
            .values(status=ItemStatus.FAILED)
        )
        row = session.get_one(CallRow, call_id, populate_existing=True)
        last_item_at = session.scalar(
            select(func.max(ItemRow.completed_at)).where(ItemRow.call_id == call_id)
        )
        row.ended_at = max(row.started_at, row.lease_until - LEASE_VALID_MS, last_item_at or 0)
        row.publication = _publication_at_end(session, row)
    session.flush()
    return ids


def _publication_at_end(session: Session, row: CallRow) -> str:
    if row.do_not_publish:
        return PublicationState.NONE.value
    said = select(ItemRow.id).where(
        ItemRow.call_id == row.id,
        ItemRow.kind == ItemKind.MESSAGE,
        ItemRow.role.in_((Role.USER, Role.AGENT)),
        ItemRow.text != "",
    )
    if session.scalar(said.limit(1)) is None:  # a thread without a turn says nothing
        return PublicationState.NONE.value
    return _PUBLICATION_AT_END[PublishPolicy(row.policy)].value


# Reading.


def get_call(session: Session, call_id: str) -> Call:
    """Return a call. Raises NotFound."""
    row = session.get(CallRow, call_id)
    if row is None:
        raise no_call(call_id)
    return _call(row)


def list_calls(
    session: Session,
    *,
    project: str = "",
    agent: str = "",
    state: CallState | None = None,
    words: Collection[str] = (),
    before: str = "",
    limit: int = PAGE_CALLS,
    caller: str | None = None,
) -> tuple[Call, ...]:
    """Return a page of calls, the newest first; the next page is `before` the last id of this one.

    `agent` finds every call that this agent took part in, `words` those that mention each of them
    (storage.call_search), `caller` those that it made. Empty filters take all, but no caller is called "".
    """
    query = select(CallRow).order_by(CallRow.id.desc()).limit(limit)
    if caller is not None:
        query = query.where(CallRow.caller == caller)
    if project:
        query = query.where(CallRow.project == project)
    if agent:
        took_part = select(CallAgentRow.call_id).where(CallAgentRow.slug == agent)
        query = query.where(CallRow.id.in_(took_part))
    if state is not None:
        query = query.where(CallRow.state == state)
    if before:
        query = query.where(CallRow.id < before)
    for word in words:
        query = query.where(mentions(session, word))
    return tuple(_call(row) for row in session.scalars(query))


def items_of(session: Session, call_id: str) -> tuple[Item, ...]:
    """Return a call's items in their order."""
    # Plain columns: making rows into objects first takes several times as long.
    query = select(ItemRow.__table__).where(ItemRow.call_id == call_id).order_by(ItemRow.position)
    return tuple(_item(row) for row in session.execute(query))


def agents_of(session: Session, call_id: str) -> tuple[CallAgent, ...]:
    """Return who took the call, in the order they did."""
    query = select(CallAgentRow).where(CallAgentRow.call_id == call_id).order_by(CallAgentRow.joined_at)
    return tuple(
        CallAgent(row.call_id, row.slug, row.revision, row.joined_at) for row in session.scalars(query)
    )


def revisions_of(session: Session, call_id: str) -> tuple[AgentRevision, ...]:
    """Return the revisions that spoke in a call, in the order they took it, repeats included.

    Agents that were removed since are there too: their turns still need their keys.
    """
    rows = session.scalars(
        select(AgentRevisionRow)
        .join(
            CallAgentRow,
            (CallAgentRow.agent_id == AgentRevisionRow.agent_id)
            & (CallAgentRow.revision == AgentRevisionRow.number),
        )
        .where(CallAgentRow.call_id == call_id)
        .order_by(CallAgentRow.joined_at)
    )
    return tuple(revision_value(row) for row in rows)


def no_call(call_id: str) -> NotFound:
    """Return what is raised for a call that is not there."""
    return NotFound(f"call {call_id!r}: no such call; `agentvoice call list` shows them")


def _call(row: CallRow) -> Call:
    return Call(
        id=row.id,
        project=row.project,
        agent=row.agent,
        transport=row.transport,
        engine=row.engine,
        state=CallState(row.state),
        policy=PublishPolicy(row.policy),
        relays=tuple(row.relays.split("\n")),
        owner_id=row.owner_id,
        lease_until=row.lease_until,
        started_at=row.started_at,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        ended_at=row.ended_at,
        do_not_publish=row.do_not_publish,
        publication=PublicationState(row.publication),
        caller=row.caller,
    )


def _item(row: Row[Any]) -> Item:
    return Item(
        id=row.id,
        position=row.position,
        kind=ItemKind(row.kind),
        role=Role(row.role),
        agent=row.agent,
        text=row.text,
        status=ItemStatus(row.status),
        heard_ms=row.heard_ms,
        started_at=row.started_at,
        completed_at=row.completed_at,
        tool_name=row.tool_name,
        tool_call_id=row.tool_call_id,
    )
