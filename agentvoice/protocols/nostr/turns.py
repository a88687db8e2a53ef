"""The turns of a call: what its thread, its single note or its private message is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentvoice.core.item import Item, ItemKind, Role
from agentvoice.protocols.nostr.clean import clean_text

CALLER = ""
"""The person as a speaker: every agent has a slug, the person has none."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said without another speaking between.

    `position` is that of its first item; `speaker` an agent's slug or CALLER; `began_at` UTC ms.
    """

    position: int
    speaker: str
    text: str
    began_at: int
    is_edited: bool = False
    """An operator wrote this text for the published copy."""
    redacted: tuple[str, ...] = ()
    """What was taken out of the text, as kinds of rules (`phone`, `pattern` …)."""


def merge_turns(items: Sequence[Item]) -> tuple[Turn, ...]:
    """Return the turns to publish: messages only, consecutive ones of a speaker merged.

    Items are taken by position. Unfinished and empty messages are left out, so are system messages;
    an interrupted answer's text is what was heard. Merged texts keep one line each.
    """
    turns: list[Turn] = []
    for item in sorted(items, key=lambda item: item.position):
        text = clean_text(item.text)
        is_turn = item.kind is ItemKind.MESSAGE and item.role in (Role.USER, Role.AGENT)
        if not is_turn or not item.is_finished or not text:
            continue
        speaker = item.agent if item.role is Role.AGENT else CALLER
        if turns and turns[-1].speaker == speaker:
            turns[-1] = replace(turns[-1], text=f"{turns[-1].text}\n{text}")
        else:
            turns.append(Turn(item.position, speaker, text, item.started_at or item.completed_at))
    return tuple(turns)
