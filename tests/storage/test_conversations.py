from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from agentvoice.core.call import LEASE_VALID_MS, CallAgent, CallState, EndReason, PublicationState
from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import CallError, NotFound, StorageError
from agentvoice.storage import agents, conversations
from agentvoice.storage.database import Database
from tests.storage.values import NOW, call, hex_id, item, profile

CALL = hex_id(1)


def begin(database: Database, *calls) -> None:
    with database.writing() as session:
        for one in calls or (call(),):
            conversations.create_call(session, one)


def stored(database: Database, call_id: str = CALL):
    with database.reading() as session:
        return conversations.get_call(session, call_id), conversations.items_of(session, call_id)


def test_a_call_is_read_as_it_was_written(database: Database):
    """Every field comes back; the same call again changes nothing."""
    begin(database)
    begin(database, call(agent="max"))
    assert stored(database) == (call(), ())


def test_an_unknown_call_is_not_found(database: Database):
    """Reading and ending it raise NotFound with its id."""
    with database.writing() as session:
        with pytest.raises(NotFound, match="'c0ffee'"):
            conversations.get_call(session, "c0ffee")
        with pytest.raises(NotFound, match="'c0ffee'"):
            conversations.end_call(session, "c0ffee", EndReason.CALLER, NOW)


def test_items_come_back_in_their_order(database: Database):
    """Position decides, not the order of writing; every field comes back."""
    begin(database)
    items = [
        item(0),
        item(1, kind=ItemKind.TOOL_CALL, role=Role.TOOL, tool_name="look", tool_call_id="t1", text='{"a":1}'),
        item(2, role=Role.AGENT, status=ItemStatus.INTERRUPTED, heard_ms=1_234),
    ]
    for one in reversed(items):
        with database.writing() as session:
            conversations.upsert_item(session, CALL, one)
    assert stored(database)[1] == tuple(items)


def test_an_item_may_be_written_again(database: Database):
    """Repeating a write changes nothing; a newer text replaces the older one."""
    begin(database)
    with database.writing() as session:
        for text in ("it", "it is", "it is raining", "it is raining"):
            conversations.upsert_item(session, CALL, item(text=text))
    assert stored(database)[1] == (item(text="it is raining"),)


def test_a_position_is_given_once(database: Database):
    """Neither a second item at a position nor a moved item is stored."""
    begin(database, call(1), call(2))
    with database.writing() as session:
        conversations.upsert_item(session, CALL, item(1))
    with pytest.raises(StorageError), database.writing() as session:
        conversations.upsert_item(session, CALL, item(2, position=1))
    for elsewhere, moved in ((CALL, item(1, position=5)), (hex_id(2), item(1))):
        with pytest.raises(CallError, match="another"), database.writing() as session:
            conversations.upsert_item(session, elsewhere, moved)
    assert stored(database)[1] == (item(1),)


def test_text_that_no_database_takes_is_mended(database: Database):
    """NUL and lone surrogates become U+FFFD; everything else is kept, astral characters included."""
    begin(database)
    with database.writing() as session:
        conversations.upsert_item(session, CALL, item(text="a\x00b\ud83dc\N{PARTY POPPER}\t\x7f"))
    assert stored(database)[1][0].text == "a\ufffdb\ufffdc\N{PARTY POPPER}\t\x7f"


def test_an_unheard_item_is_forgotten(database: Database):
    """Only the item of that very call goes; removing it twice is no error."""
    begin(database, call(1), call(2))
    with database.writing() as session:
        conversations.upsert_item(session, CALL, item(1))
        conversations.upsert_item(session, CALL, item(2))
        conversations.remove_item(session, hex_id(2), item(1).id)
        conversations.remove_item(session, CALL, item(2).id)
        conversations.remove_item(session, CALL, item(2).id)
    assert stored(database)[1] == (item(1),)


def test_who_took_the_call_is_kept_with_its_revision(database: Database):
    """An agent that comes back stands twice; a removed agent still stands there."""
    begin(database)
    with database.writing() as session:
        ada = agents.create_agent(session, hex_id(1), profile("ada"), NOW)
        maximilian = agents.create_agent(session, hex_id(2), profile("max"), NOW)
        ada_two = agents.update_agent(session, profile("ada", name="Ada Two"), NOW)
        parts = [(ada, NOW), (maximilian, NOW + 1), (ada_two, NOW + 2)]
        for revision, joined_at in [*parts, parts[1]]:
            conversations.add_call_agent(session, CALL, revision, joined_at)
        agents.remove_agent(session, "max", NOW)
    with database.reading() as session:
        assert conversations.revisions_of(session, CALL) == (ada, maximilian, ada_two)
        assert conversations.agents_of(session, CALL) == (
            CallAgent(CALL, "ada", 1, NOW),
            CallAgent(CALL, "max", 1, NOW + 1),
            CallAgent(CALL, "ada", 2, NOW + 2),
        )


def test_the_state_of_an_open_call_is_kept(database: Database):
    """State and engine follow the call; an ended call stays ended."""
    begin(database)
    with database.writing() as session:
        conversations.set_call_state(session, CALL, CallState.RECONNECTING)
        conversations.set_call_engine(session, CALL, "openai")
    assert (stored(database)[0].state, stored(database)[0].engine) == (CallState.RECONNECTING, "openai")
    with database.writing() as session:
        conversations.end_call(session, CALL, EndReason.CALLER, NOW)
        conversations.set_call_state(session, CALL, CallState.LIVE)
        with pytest.raises(CallError, match="end_call"):
            conversations.set_call_state(session, CALL, CallState.ENDED)
    assert stored(database)[0].state is CallState.ENDED


AT_END = {
    PublishPolicy.PUBLIC: PublicationState.QUEUED,
    PublishPolicy.PRIVATE: PublicationState.QUEUED,
    PublishPolicy.REVIEW: PublicationState.REVIEW,
    PublishPolicy.OFF: PublicationState.NONE,
}


@pytest.mark.parametrize(("policy", "wanted_not"), list(itertools.product(PublishPolicy, (False, True))))
def test_the_end_marks_the_thread(database: Database, policy: PublishPolicy, wanted_not: bool):
    """In one transaction the call ends and is marked as its policy says, unless it was wanted not."""
    begin(database, call(policy=policy))
    with database.writing() as session:
        conversations.upsert_item(session, CALL, item())
        if wanted_not:
            conversations.set_do_not_publish(session, CALL)
        assert conversations.end_call(session, CALL, EndReason.AGENT, NOW + 5)
    wanted = PublicationState.NONE if wanted_not else AT_END[policy]
    assert stored(database)[0] == call(
        policy=policy,
        state=CallState.ENDED,
        end_reason=EndReason.AGENT,
        ended_at=NOW + 5,
        do_not_publish=wanted_not,
        publication=wanted,
    )


@pytest.mark.parametrize("silent", [(), (item(text=""),), (item(kind=ItemKind.NOTICE, role=Role.SYSTEM),)])
def test_a_call_in_which_nothing_was_said_is_not_published(database: Database, silent):
    """Without a spoken message there is no thread."""
    begin(database)
    with database.writing() as session:
        for one in silent:
            conversations.upsert_item(session, CALL, one)
        conversations.end_call(session, CALL, EndReason.CALLER, NOW)
    assert stored(database)[0].publication is PublicationState.NONE


def test_a_call_ends_once(database: Database):
    """The second end changes nothing and says so."""
    begin(database)
    with database.writing() as session:
        assert conversations.end_call(session, CALL, EndReason.CALLER, NOW + 1)
    with database.writing() as session:
        assert not conversations.end_call(session, CALL, EndReason.OPERATOR, NOW + 2)
    assert (stored(database)[0].end_reason, stored(database)[0].ended_at) == (EndReason.CALLER, NOW + 1)


def test_do_not_publish_cannot_be_taken_back(database: Database):
    """No later write of the call's life clears it: new call row, state, lease, end."""
    begin(database)
    with database.writing() as session:
        conversations.set_do_not_publish(session, CALL)
        conversations.create_call(session, call(do_not_publish=False))
        conversations.upsert_item(session, CALL, item())
        conversations.set_call_state(session, CALL, CallState.LIVE)
        conversations.renew_leases(session, "process-1", NOW * 2, [CALL])
        conversations.end_call(session, CALL, EndReason.CALLER, NOW)
    assert stored(database)[0].do_not_publish
    assert stored(database)[0].publication is PublicationState.NONE


@pytest.mark.parametrize("policy", [PublishPolicy.PUBLIC, PublishPolicy.REVIEW])
def test_do_not_publish_reaches_a_waiting_thread(database: Database, policy: PublishPolicy):
    """Said after the end, it still stops a thread that was not signed yet, and only that call's."""
    begin(database, call(1, policy=policy), call(2, policy=policy))
    with database.writing() as session:
        for number in (1, 2):
            conversations.upsert_item(session, hex_id(number), item(number))
            conversations.end_call(session, hex_id(number), EndReason.CALLER, NOW)
        conversations.set_do_not_publish(session, CALL)
    assert stored(database)[0].publication is PublicationState.NONE
    assert stored(database, hex_id(2))[0].publication is AT_END[policy]


def test_leases_of_open_calls_are_renewed(database: Database):
    """Only calls that are open, the owner's and run by it; it is told which of them are not its own."""
    begin(database, call(1), call(2), call(3, owner_id="process-2"), call(4))
    named = [hex_id(number) for number in (1, 2, 3, 5)]  # 4 is nobody's any more, 5 not stored yet
    with database.writing() as session:
        conversations.end_call(session, hex_id(2), EndReason.CALLER, NOW)
        lost = conversations.renew_leases(session, "process-1", NOW + 99_000, named)
    assert lost == (hex_id(2), hex_id(3))
    leases = [stored(database, hex_id(number))[0].lease_until for number in (1, 2, 3, 4)]
    assert leases == [NOW + 99_000, *[NOW + LEASE_VALID_MS] * 3]


@pytest.mark.parametrize("state", list(CallState))
def test_a_call_is_crashed_when_its_lease_ran_out(database: Database, state: CallState):
    """Every open state can crash, no ended call can, and none before its lease is over."""
    begin(database, call(state=state))
    with database.writing() as session:
        assert conversations.take_crashed_calls(session, NOW + LEASE_VALID_MS, "process-2") == ()
        taken = conversations.take_crashed_calls(session, NOW + LEASE_VALID_MS + 1, "process-2")
        assert taken == (() if state is CallState.ENDED else (CALL,))
        assert conversations.take_crashed_calls(session, NOW * 2, "process-3") == ()


def test_a_crashed_call_keeps_what_was_said(database: Database):
    """It ends at its last sign of life, is marked to publish, and its open item has failed."""
    begin(database)
    last_sign_at = NOW + 60_000
    spoken, open_item = item(1), item(2, status=ItemStatus.IN_PROGRESS, text="and th", completed_at=0)
    with database.writing() as session:
        conversations.upsert_item(session, CALL, spoken)
        conversations.upsert_item(session, CALL, open_item)
        conversations.renew_leases(session, "process-1", last_sign_at + LEASE_VALID_MS, [CALL])
    with database.writing() as session:
        conversations.take_crashed_calls(session, NOW + 900_000, "process-2")
    crashed, items = stored(database)
    assert items == (spoken, replace(open_item, status=ItemStatus.FAILED))
    assert crashed == call(
        state=CallState.ENDED,
        end_reason=EndReason.CRASH,
        ended_at=last_sign_at,
        owner_id="process-2",
        lease_until=last_sign_at + LEASE_VALID_MS,
        publication=PublicationState.QUEUED,
    )


def test_a_crashed_call_may_be_private_or_unwanted(database: Database):
    """Recovery follows policy and wish like any end."""
    begin(database, call(1, policy=PublishPolicy.OFF), call(2, do_not_publish=True))
    with database.writing() as session:
        for number in (1, 2):
            conversations.upsert_item(session, hex_id(number), item(number))
        conversations.take_crashed_calls(session, NOW * 2, "process-2")
    assert {stored(database, hex_id(number))[0].publication for number in (1, 2)} == {PublicationState.NONE}


def test_the_history_comes_in_pages(database: Database):
    """The newest call first; each page goes on before the last call of the one before."""
    begin(database, *(call(number) for number in range(1, 8)))
    pages, before = [], ""
    with database.reading() as session:
        while page := conversations.list_calls(session, before=before, limit=3):
            pages.append([int(one.id, 16) for one in page])
            before = page[-1].id
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]


def test_the_history_is_filtered(database: Database):
    """By project, by state, by any agent that took part, by who called; filters add up."""
    begin(database, call(1, caller="eve"), call(2, project="zoo"), call(3, state=CallState.ENDED))
    with database.writing() as session:
        maximilian = agents.create_agent(session, hex_id(9), profile("max"), NOW)
        for number in (2, 3):
            conversations.add_call_agent(session, hex_id(number), maximilian, NOW)
    wanted: dict[Any, list[int]] = {
        (): [3, 2, 1],
        (("project", "garden"),): [3, 1],
        (("agent", "max"),): [3, 2],
        (("state", CallState.LIVE),): [2, 1],
        (("project", "garden"), ("agent", "max")): [3],
        (("agent", "nobody"),): [],
        (("caller", "eve"),): [1],
        (("caller", "local"), ("state", CallState.LIVE)): [2],
        (("caller", ""),): [],
    }
    with database.reading() as session:
        for filters, numbers in wanted.items():
            found = conversations.list_calls(session, **dict(filters))
            assert [int(one.id, 16) for one in found] == numbers, filters
