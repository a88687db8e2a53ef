"""How a call is shown to people."""

from __future__ import annotations

import re

from agentvoice.cli.call_view import describe_call
from agentvoice.protocols.documents import CallDocument, UsageDocument
from agentvoice.protocols.publication_documents import PublicationDocument
from tests.cli.conftest import Cli


def test_people_see_the_transcript_and_the_thread(kept: Cli):
    """Who said what, what was cut, where it went; control characters of the speech stay out."""
    text = kept("call", "show", "last").out
    assert "ada: Good — (interrupted after 640 ms)" in text
    assert "[handover] Ada hands over to Max." in text
    assert '[tool_call] note {"text": "seven"}' in text
    assert re.search(r"link +nostr:nevent1", text)
    assert "embedded: 0 of 1 accepted, 1 waiting" in text
    assert re.search(r"cost +0\.0235192 USD \(an estimate\)", text)
    assert "\x1b" not in text


def test_a_call_without_words_or_thread_says_so():
    """Nothing is left blank where there is nothing."""
    nothing = PublicationDocument(state="none", root=None, nevent=None, events=[])
    document = CallDocument(
        id="c", state="ended", end_reason=None, project="p", transport="text", engine="local", started_at=None,
        ended_at=None, agents=["ada"], items=[], usage=UsageDocument(), cost_usd="0.00", publication=nothing,
    )  # fmt: skip
    text = describe_call(document, 0)
    assert "(nothing was said)" in text
    assert text.endswith("\n\nthread  none")
