from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from agentvoice.core.item import Item, ItemKind, ItemStatus, Role

ITEM = Item("ab" * 16, 1, ItemKind.MESSAGE, Role.AGENT, "ada")


@pytest.mark.parametrize("status", ItemStatus)
def test_every_status_but_in_progress_is_final(status: ItemStatus):
    """An interrupted or failed item has its final text too."""
    assert replace(ITEM, status=status).is_finished is (status is not ItemStatus.IN_PROGRESS)


def test_an_item_does_not_change():
    """What was shown or stored stays as it was; a change is another value."""
    with pytest.raises(FrozenInstanceError):
        ITEM.text = "other"  # type: ignore[misc] # that is the point
    assert replace(ITEM, text="other") != ITEM


def test_the_words_are_those_of_the_documents():
    """Kinds, roles and statuses are written as the public interface names them."""
    assert [*ItemKind] == ["message", "tool_call", "tool_result", "handover", "notice"]
    assert [*Role] == ["user", "agent", "system", "tool"]
    assert [*ItemStatus] == ["in_progress", "completed", "interrupted", "failed"]
