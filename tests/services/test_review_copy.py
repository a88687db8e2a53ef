from __future__ import annotations

from pathlib import Path

from agentvoice.core.project import PublishPolicy
from agentvoice.services.review_copy import read_review_document
from agentvoice.storage import reviews
from tests.fakes.relay_server import relay_server
from tests.services.press import CALL_ID, Press


async def test_what_is_shown_is_what_is_published(tmp_path: Path):
    """Contents, signers and tags of the shown copy are those that the relay gets after approval."""
    async with relay_server() as server:
        press = Press(tmp_path, server.address)
        press.finish_call(policy=PublishPolicy.REVIEW)
        with press.database.writing() as session:
            reviews.edit_turns(session, CALL_ID, {0: "Good day, ring 555-0123.", 2: ""}, 1)
        shown = await read_review_document(press.database, CALL_ID)
        assert [turn.text for turn in shown.turns] == [
            "Good day, ring [phone number removed].", "Ada here.", None,
        ]  # fmt: skip
        with press.database.writing() as session:
            reviews.approve_publication(session, CALL_ID)
        await press.publisher().sweep()
        assert [each.content for each in shown.events] == [each["content"] for each in server.events]
        assert shown.events[0].content.endswith(", edited.")
        assert ["edited", "operator"] in server.events[1]["tags"]
        await press.close()
