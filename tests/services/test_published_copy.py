from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agentvoice.protocols.nostr.turns import CALLER
from agentvoice.services.published_copy import read_published_copy
from agentvoice.storage import conversations, projects
from tests.services.press import CALL_ID, Press


async def test_a_copy_has_the_turns_and_the_calls_own_relays(tmp_path: Path):
    """A project that was pointed elsewhere since does not move a finished call's thread."""
    press = Press(tmp_path, "wss://told.example")
    press.finish_call()
    with press.database.writing() as session:
        moved = replace(press.project, relays=("wss://later.example",), title="Renamed")
        projects.update_project(session, moved, 1)
        call = conversations.get_call(session, CALL_ID)
    copy = await read_published_copy(press.database, call)
    assert [(turn.speaker, turn.text) for turn in copy.call.turns] == [
        (CALLER, "Good morning."), ("ada", "Ada here."), ("max", "And Max."),
    ]  # fmt: skip
    assert copy.call.project.relays == ("wss://told.example",)
    assert copy.call.project.title == "Renamed"
    assert set(copy.references) == set(press.pubkeys.values())
    await press.close()
