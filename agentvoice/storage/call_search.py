"""Which calls a word occurs in: what was said, who took the call, its project's slug or title.

Letters are compared without regard to case; on SQLite that holds for ASCII alone.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from agentvoice.core.item import ItemKind
from agentvoice.storage.models import CallAgentRow, CallRow, ItemRow
from agentvoice.storage.projects import list_projects


def mentions(session: Session, word: str) -> ColumnElement[bool]:
    """Return the condition that a call has `word` in it."""
    titled = [
        project.slug for project in list_projects(session) if word.casefold() in project.title.casefold()
    ]
    # One call's items are found by their index; a page of the newest calls seldom looks at many.
    said = select(ItemRow.id).where(
        ItemRow.call_id == CallRow.id,
        ItemRow.kind == ItemKind.MESSAGE,
        ItemRow.text.icontains(word, autoescape=True),
    )
    took_part = select(CallAgentRow.slug).where(
        CallAgentRow.call_id == CallRow.id, CallAgentRow.slug.icontains(word, autoescape=True)
    )
    return or_(
        CallRow.project.in_(titled),
        CallRow.project.icontains(word, autoescape=True),
        CallRow.agent.icontains(word, autoescape=True),
        took_part.exists(),
        said.exists(),
    )
