"""Threads of every shape, read back from a real relay by two clients that nobody here wrote.

Both are given the link alone; what they rebuild must be the very tree that the database has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nostr_sdk import RateLimit

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Publication
from agentvoice.core.project import ThreadShape
from agentvoice.protocols.nostr.nip10 import find_parent, find_root
from agentvoice.services.call_document import link_of
from tests.fakes.nostr_relays import local_relay
from tests.fakes.thread_readers import Note, read_with_nostr_sdk, read_with_nostr_tools, sorted_notes
from tests.protocols.nostr.test_nip01 import NASTY_TEXTS
from tests.services.press import CALL_ID, TURNS, Press

PLENTY = RateLimit(max_reqs=500, notes_per_minute=10_000)
LONG = tuple((("", "ada", "max")[n % 3], f"Turn {n}: {'and so on ' * (n % 7)}") for n in range(200))
CONTINUED = tuple((("", "ada")[n % 2], f"{n} " + "long words " * 150) for n in range(8))
NASTY = tuple((("", "ada", "max")[n % 3], text or "-") for n, text in enumerate(NASTY_TEXTS))


@dataclass(frozen=True)
class Case:
    """A call and how its project publishes it; `tree` is how many notes, and how deep they stand."""

    notes: int
    depth: int
    turns: tuple[tuple[str, str], ...] = TURNS
    project: dict[str, Any] = field(default_factory=dict)
    caller_has_key: bool = False


CASES = {
    "flat": Case(4, 1),
    "chained": Case(4, 3, project={"chained": True}),
    "single, short": Case(1, 0, project={"shape": ThreadShape.SINGLE}),
    "single, continued": Case(4, 1, CONTINUED, {"shape": ThreadShape.SINGLE}),
    "single, continued in a chain": Case(4, 3, CONTINUED, {"shape": ThreadShape.SINGLE, "chained": True}),
    "the caller's own key": Case(4, 1, caller_has_key=True),
    "full p tags": Case(4, 3, project={"full_p_tags": True, "chained": True}),
    "all other tags": Case(4, 1, project={"address": "31933:" + "a" * 64 + ":garden", "voice_tag": True}),
    "one turn": Case(2, 1, (("", "Hello?"),)),
    "no word of an agent": Case(2, 1, (("", "Hello?"), ("", "Nobody there?"))),
    "no word of the caller": Case(3, 1, (("ada", "Hello?"), ("max", "Hello."))),
    "two hundred turns": Case(201, 1, LONG),
    "two hundred turns in a chain": Case(201, 200, LONG, {"chained": True}),
    "nasty texts": Case(0, 1, NASTY),
}


async def published(press: Press, case: Case) -> Publication:
    press.finish_call(turns=case.turns)
    publisher = press.publisher()
    await publisher.prepare(CALL_ID)
    await publisher.deliver_due()
    publication = await publisher.publication(CALL_ID)
    assert publication.state is PublicationState.PUBLISHED
    return publication


def tree_of(publication: Publication) -> list[Note]:
    """The thread as the database has it."""
    return sorted_notes(
        [
            Note(
                event.id, find_root(event), find_parent(event), event.pubkey, event.created_at, event.content
            )
            for event in (each.event for each in publication.events)
        ]
    )


def depth_of(notes: list[Note]) -> int:
    """How many replies stand between the deepest note and the root."""
    depths: dict[str, int] = {}
    for note in notes:  # by time: a parent comes before its replies
        depths[note.id] = depths[note.parent] + 1 if note.parent else 0
    return max(depths.values())


@pytest.mark.parametrize("name", CASES)
async def test_both_readers_see_the_tree_of_the_database(tmp_path: Path, name: str):
    """Same notes, same authors, same text, same places, and nothing besides."""
    case = CASES[name]
    async with local_relay(rate_limit=PLENTY) as relay:
        press = Press(tmp_path, relay)
        changes = dict(case.project)
        if case.caller_has_key:
            changes["caller_pubkey"] = press.pubkeys["caller"] = press._add_key("caller")
        press.change_project(**changes)
        publication = await published(press, case)
        nevent, wanted = link_of(publication, ""), tree_of(publication)
        assert await read_with_nostr_tools(nevent) == wanted
        assert await read_with_nostr_sdk(nevent) == wanted
        await press.close()
    assert len(wanted) == (case.notes or len(wanted)) > 0
    assert depth_of(wanted) == case.depth
    assert sum(not note.parent for note in wanted) == 1
    authors = {note.pubkey for note in wanted}
    assert (press.pubkeys.get("caller") in authors) == case.caller_has_key


async def test_nasty_texts_arrive_as_they_were_signed(tmp_path: Path):
    """Every text of the set is a turn of its own, but for those that say nothing once they are clean."""
    async with local_relay(rate_limit=PLENTY) as relay:
        press = Press(tmp_path, relay)
        publication = await published(press, CASES["nasty texts"])
        contents = [note.content for note in await read_with_nostr_tools(link_of(publication, ""))]
        assert contents == [each.event.content for each in publication.events]
        assert len(contents) > len(NASTY_TEXTS) * 3 // 4
        await press.close()
