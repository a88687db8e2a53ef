from __future__ import annotations

from dataclasses import replace

from agentvoice.core.agent import AgentProfile, AgentRevision
from agentvoice.core.delivery import DeliveryState
from agentvoice.protocols.documents import ProfileStanding
from agentvoice.services.agent_document import (
    changed_fields,
    document_of,
    history_documents,
    shown_document,
)
from agentvoice.storage.profiles import ProfileDelivery

PROFILE = AgentProfile("ada", "Ada")
FIRST = AgentRevision("1" * 32, 1, PROFILE, 1)
SECOND = AgentRevision("1" * 32, 2, replace(PROFILE, greeting="Hello."), 2)


def test_a_revision_says_what_it_changed():
    """The fields of the profile by name; number and time change always."""
    assert changed_fields(None, FIRST) == ["added"]
    assert changed_fields(FIRST, SECOND) == ["greeting"]
    assert [each["changed"] for each in history_documents([FIRST, SECOND])] == [["added"], ["greeting"]]
    assert history_documents([]) == []


def test_an_agent_without_a_key_has_no_npub():
    """Null, as JSON has it."""
    assert document_of(FIRST)["npub"] is None


def test_where_the_profile_stands_is_shown():
    """A document for each relay; what is signed is none of its business."""
    there = ProfileDelivery(
        "a" * 64, "wss://a.example", "d", None, 1, DeliveryState.REJECTED, 2, 0, "blocked: no", 0
    )
    shown = shown_document(FIRST, [there])
    assert shown.pop("profile") == [ProfileStanding("wss://a.example", "rejected", 2, None, "blocked: no")]
    assert shown == document_of(FIRST)
