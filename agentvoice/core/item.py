"""Items of a conversation: messages, tool calls, tool results, handovers, notices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ItemKind(StrEnum):
    """What an item is."""

    MESSAGE = "message"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    HANDOVER = "handover"
    NOTICE = "notice"


class Role(StrEnum):
    """Who an item is from."""

    USER = "user"
    AGENT = "agent"
    SYSTEM = "system"
    TOOL = "tool"


class ItemStatus(StrEnum):
    """How far an item has come; every status but IN_PROGRESS is final unless a turn re-opens."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `id` is ours (UUIDv7 hex); `position` is given once and never reused.

    `agent` is the slug of the agent that spoke, or that was spoken to. `text` is what was said or
    heard; of a tool call its arguments and of a tool result its output (JSON text). `heard_ms` is
    how much of an interrupted answer was played. Times are UTC ms; `completed_at` is 0 until done.
    """

    id: str
    position: int
    kind: ItemKind
    role: Role
    agent: str
    text: str = ""
    status: ItemStatus = ItemStatus.IN_PROGRESS
    heard_ms: int | None = None
    started_at: int = 0
    completed_at: int = 0
    tool_name: str = ""
    tool_call_id: str = ""
    """Of a tool call and its result: the id that joins the two."""

    @property
    def is_finished(self) -> bool:
        """Whether the item has its final text."""
        return self.status is not ItemStatus.IN_PROGRESS
