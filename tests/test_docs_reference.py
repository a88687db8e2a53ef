"""The reference pages that people write say what the code has; test_docs.py checks those that are made."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from enum import StrEnum
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from agentvoice import errors
from agentvoice.cli.demo_report import DemoDocument
from agentvoice.core.call import CallState, EndReason, PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import CallStatus
from agentvoice.core.project import Project, PublishPolicy, ThreadShape
from agentvoice.protocols import callpage, documents, publication_documents
from agentvoice.protocols.nostr.thread import FinishedCall, Speaker, ThreadSigners, build_thread
from agentvoice.protocols.nostr.turns import merge_turns

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
CLIENT_FRAMES = get_args(callpage.ClientFrame)
DAEMON_FRAMES = get_args(callpage.DaemonFrame)
DOCUMENTS = (
    documents.CallDocument,
    documents.CallSummary,
    publication_documents.DeliveryDocument,
    publication_documents.EventDocument,
    documents.ItemDocument,
    publication_documents.PublicationDocument,
    publication_documents.PublicationSummary,
    documents.UsageDocument,
    documents.UsageLine,
    documents.UsageReport,
    publication_documents.PublicationChange,
    DemoDocument,
)


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """The part of a page under `## title`."""
    return page(name).split(f"## {title}\n")[1].split("\n## ")[0]


def named(text: str) -> set[str]:
    """Everything that stands in `code` in a text."""
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize(
    ("title", "frames"), [("Client to daemon", CLIENT_FRAMES), ("Daemon to client", DAEMON_FRAMES)]
)
def test_each_frame_has_a_row_with_its_fields(title: str, frames: tuple[type[msgspec.Struct], ...]):
    """The page has exactly the frames of the code, each with exactly its fields."""
    rows = dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", section("call-socket.md", title), flags=re.M))
    wanted = {str(frame.__struct_config__.tag): set(frame.__struct_fields__) for frame in frames}
    assert set(rows) == set(wanted)
    for kind, cell in rows.items():
        assert named(re.sub(r"\([^)]*\)", "", cell)) == wanted[kind], kind


def test_the_limits_of_the_call_socket_are_told():
    """Largest frame, and every status a call can show."""
    text = page("call-socket.md")
    assert f"{callpage.MAX_FRAME_BYTES // 1024} KiB" in text
    assert {status.value for status in CallStatus} <= named(text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.__name__)
def test_each_field_of_a_document_is_told(document: type[msgspec.Struct]):
    """A program's author finds every field by name."""
    assert set(document.__struct_encode_fields__) <= named(page("documents.md"))


@pytest.mark.parametrize(
    "values",
    [CallState, EndReason, ItemKind, Role, ItemStatus, PublicationState, DeliveryState],
    ids=lambda each: each.__name__,
)
def test_each_value_of_a_document_is_told(values: type[StrEnum]):
    """The words that a field can hold are all listed."""
    assert {value.value for value in values} <= named(page("documents.md"))


def test_each_tag_of_a_thread_is_told():
    """A thread with every option on has no tag that is not on the page."""
    project = Project(
        "p", "Title", "a" * 64, relays=("wss://relay.example",), chained=True, full_p_tags=True,
        address="31933:x:y", voice_tag=True, expiration_days=1, protected=True,
    )  # fmt: skip
    item = Item("1", 0, ItemKind.MESSAGE, Role.USER, "ada", "Hello.", ItemStatus.COMPLETED, started_at=1)
    answer = replace(item, id="2", position=1, role=Role.AGENT, text="Yes?")
    turns = tuple(replace(turn, is_edited=True, redacted=("card",)) for turn in merge_turns((item, answer)))
    call = FinishedCall("c", project, (Speaker("ada", "Ada", "b" * 64),), turns, 1_000, 49_000)
    events = build_thread(call, ThreadSigners("b" * 64, "b" * 64, True, {"ada": "b" * 64}), 60_000)
    told = set(re.findall(r"^\| `([\w-]+)` \|", section("thread.md", "Tags"), flags=re.M))
    assert {tag[0] for event in events for tag in event.tags} == told
    assert events[0].content == "Voice conversation: Caller and Ada, 48 s."


def test_shapes_policies_and_states_of_a_thread_are_told():
    """What a project can choose, and where its threads can stand."""
    text = named(page("thread.md"))
    for values in (PublishPolicy, ThreadShape, PublicationState):
        assert {value.value for value in values} <= text


def test_each_exit_code_of_an_error_is_told():
    """Codes of the tree of errors are on the page."""
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", page("exit-codes.md"), flags=re.M)}
    tree = [value for value in vars(errors).values() if isinstance(value, type)]
    assert {each.exit_code for each in tree if issubclass(each, errors.AgentVoiceError)} <= told


def test_items_of_the_call_socket_are_told():
    """An item's frame has the fields of the document, and two more that the page names."""
    told = named(page("documents.md")) | named(section("call-socket.md", "Daemon to client"))
    assert {field.name for field in fields(Item)} <= told
