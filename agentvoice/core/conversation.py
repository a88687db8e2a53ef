"""The conversation of a call: its items in order, fed by the events of one session after another.

An item takes its place when it enters (a spoken turn at its commit, long before its transcript),
so a late transcript stands where the turn began. An agent's message is finished when it is done
*and* heard: what is stored is what the caller heard. Ids are ours; a session's refs are mapped
and forgotten with the session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.playback import Cut
from agentvoice.core.speech import (
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    ToolCallRequested,
    TurnCommitted,
    TurnReopened,
)
from agentvoice.core.transcript import Mark, cut_text

ConversationEvent = (
    ItemAdded
    | ItemDone
    | ItemFailed
    | ItemRemoved
    | ItemTextDelta
    | ToolCallRequested
    | TurnCommitted
    | TurnReopened
)


@dataclass(slots=True)
class _Entry:
    """An item in the making: what of it is not part of its stored value."""

    item: Item
    ref: str = ""
    marks: list[Mark] = field(default_factory=list)
    is_done: bool = False
    is_heard: bool = False
    before: Item | None = None
    """Of a turn that was re-opened: what it was, should nothing more come of it."""


class Conversation:
    """Items of one call, in order. Every method returns the items it changed.

    `new_id` gives a fresh item id; times are UTC ms. `aligned` is the session's capability
    aligned_transcript; it changes with `begin_session`.
    """

    def __init__(self, agent: str, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._agent = agent
        self._entries: dict[str, _Entry] = {}
        self._by_ref: dict[str, _Entry] = {}
        self._next_position = 0
        self._aligned = False

    @property
    def items(self) -> tuple[Item, ...]:
        """All items in order."""
        return tuple(entry.item for entry in self._entries.values())

    @property
    def agent(self) -> str:
        """Slug of the agent that speaks now."""
        return self._agent

    def begin_session(self, *, aligned: bool) -> None:
        """A new session is joined: its refs are its own."""
        self._by_ref.clear()
        self._aligned = aligned

    # What the session tells.

    def apply(self, event: ConversationEvent, now: int, received_ms: int = 0) -> tuple[Item, ...]:
        """Take in one event of the current session; `received_ms` is the item's sound so far."""
        match event:
            case TurnCommitted(ref=ref):
                return self._enter(ref, ItemKind.MESSAGE, Role.USER, now)
            case ItemAdded(ref=ref, kind=kind, role=role):
                return self._enter(ref, kind, role, now)
            case ItemTextDelta(ref=ref, text=text):
                return self._grow(ref, text, received_ms)
            case ItemDone(ref=ref, text=final):
                return self._done(ref, final, now)
            case ItemFailed(ref=ref):
                return self._settle(ref, ItemStatus.FAILED, now)
            case ItemRemoved(ref=ref):
                return self._remove(ref)
            case TurnReopened(ref=ref):
                return self._reopen(ref)
            case _:
                return self._tool_called(event, now)

    def item_of(self, ref: str) -> Item | None:
        """Return the item of a ref of the current session."""
        entry = self._by_ref.get(ref)
        return entry.item if entry else None

    def _enter(self, ref: str, kind: ItemKind, role: Role, now: int) -> tuple[Item, ...]:
        if ref in self._by_ref:  # committed and added both announce a spoken turn
            return ()
        entry = self._append(kind, role, now)
        entry.ref = ref
        entry.is_heard = role is not Role.AGENT or kind is not ItemKind.MESSAGE
        self._by_ref[ref] = entry
        return (entry.item,)

    def _grow(self, ref: str, text: str, received_ms: int) -> tuple[Item, ...]:
        entry = self._by_ref.get(ref)
        if entry is None or entry.is_done or entry.item.is_finished:
            return ()  # a delta that comes after the final text loses
        if self._aligned:
            entry.marks.append(Mark(len(entry.item.text), received_ms))
        entry.item = replace(entry.item, text=entry.item.text + text)
        return (entry.item,)

    def _done(self, ref: str, final: str | None, now: int) -> tuple[Item, ...]:
        entry = self._by_ref.get(ref)
        if entry is None or entry.item.is_finished:
            return ()
        entry.is_done = True
        if final is not None and final != entry.item.text:
            entry.item = replace(entry.item, text=final)
            entry.marks.clear()  # they belonged to another text
        return self._finish_if_due(entry, now)

    def _finish_if_due(self, entry: _Entry, now: int) -> tuple[Item, ...]:
        if entry.is_done and entry.is_heard:
            entry.item = replace(entry.item, status=ItemStatus.COMPLETED, completed_at=now)
        return (entry.item,)

    def _settle(self, ref: str, status: ItemStatus, now: int) -> tuple[Item, ...]:
        entry = self._by_ref.get(ref)
        if entry is None or entry.item.is_finished:
            return ()
        entry.item = entry.before or replace(entry.item, status=status, completed_at=now)
        return (entry.item,)

    def _remove(self, ref: str) -> tuple[Item, ...]:
        entry = self._by_ref.pop(ref, None)
        if entry is None or entry.item.is_finished:
            return ()
        if entry.before is not None:
            entry.item = entry.before
            return (entry.item,)
        del self._entries[entry.item.id]  # it was never stored; its position stays unused
        return ()

    def _reopen(self, ref: str) -> tuple[Item, ...]:
        entry = self._by_ref.get(ref)
        if entry is None:
            return ()
        if entry.item.is_finished:
            entry.before = entry.item
        entry.is_done = False
        entry.item = replace(entry.item, status=ItemStatus.IN_PROGRESS, completed_at=0)
        return (entry.item,)

    def _tool_called(self, event: ToolCallRequested, now: int) -> tuple[Item, ...]:
        entry = self._by_ref.get(event.ref)
        if entry is None:
            entry = self._append(ItemKind.TOOL_CALL, Role.AGENT, now)
            entry.ref = event.ref
            self._by_ref[event.ref] = entry
        entry.is_done = entry.is_heard = True
        entry.item = replace(
            entry.item,
            text=event.arguments,
            tool_name=event.name,
            tool_call_id=entry.item.id,
            status=ItemStatus.COMPLETED,
            completed_at=now,
        )
        return (entry.item,)

    # What playback tells.

    def heard(self, ref: str, now: int) -> tuple[Item, ...]:
        """All sound of the item received so far was heard; it finishes if it is also done."""
        entry = self._by_ref.get(ref)
        if entry is None or entry.item.is_finished or not entry.is_done:
            return ()  # more sound may come: asked again when the item is done
        entry.is_heard = True
        return self._finish_if_due(entry, now)

    def cut(self, cut: Cut, now: int) -> tuple[Item, ...]:
        """The caller stopped hearing the item; keep what was heard and mark it."""
        entry = self._by_ref.get(cut.ref)
        if entry is None or entry.item.status is ItemStatus.INTERRUPTED:
            return ()
        text = cut_text(entry.item.text, cut.heard_ms, cut.received_ms, tuple(entry.marks))
        entry.is_done = entry.is_heard = True
        entry.item = replace(
            entry.item, text=text, status=ItemStatus.INTERRUPTED, heard_ms=cut.heard_ms, completed_at=now
        )
        return (entry.item,)

    @property
    def has_open_turn(self) -> bool:
        """Whether something the caller said waits for its words."""
        return any(
            entry.item.role is Role.USER and not entry.item.is_finished for entry in self._entries.values()
        )

    def unfinished(self) -> tuple[str, ...]:
        """Return the refs of items that are not finished, in order."""
        return tuple(entry.ref for entry in self._entries.values() if not entry.item.is_finished)

    # What the call itself adds.

    def add_user_text(self, text: str, now: int) -> Item:
        """The caller typed a whole turn."""
        return self._append_finished(ItemKind.MESSAGE, Role.USER, text, now)

    def add_notice(self, text: str, now: int) -> Item:
        """Tell the caller something that is no speech."""
        return self._append_finished(ItemKind.NOTICE, Role.SYSTEM, text, now)

    def add_tool_result(self, call: Item, output: str, now: int) -> Item:
        """Answer a tool call; `output` is JSON text."""
        item = self._append_finished(ItemKind.TOOL_RESULT, Role.TOOL, output, now)
        return self._replace(replace(item, tool_name=call.tool_name, tool_call_id=call.tool_call_id))

    def hand_over(self, agent: str, now: int) -> Item:
        """Another agent speaks from now on; the item's text is `from -> to`."""
        text = f"{self._agent} -> {agent}"
        self._agent = agent
        return self._append_finished(ItemKind.HANDOVER, Role.SYSTEM, text, now)

    def _append_finished(self, kind: ItemKind, role: Role, text: str, now: int) -> Item:
        entry = self._append(kind, role, now)
        entry.is_done = entry.is_heard = True
        return self._replace(replace(entry.item, text=text, status=ItemStatus.COMPLETED, completed_at=now))

    def _replace(self, item: Item) -> Item:
        self._entries[item.id].item = item
        return item

    def _append(self, kind: ItemKind, role: Role, now: int) -> _Entry:
        item = Item(
            id=self._new_id(),
            position=self._next_position,
            kind=kind,
            role=role,
            agent=self._agent,
            started_at=now,
        )
        self._next_position += 1
        entry = _Entry(item)
        self._entries[item.id] = entry
        return entry
