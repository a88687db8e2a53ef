from __future__ import annotations

from agentvoice.adapters.local_speech.cascade import CAPABILITIES as LOCAL
from agentvoice.adapters.realtime_websocket import CAPABILITIES as REALTIME
from agentvoice.core.engine import TOOL_END_CALL, TOOL_TRANSFER_PREFIX, BillsBy
from agentvoice.core.handover import HandoverPlan, Speaker, plan_handover


def test_the_engines_differ_where_a_handover_must_know():
    """Locally a voice changes in place; on the Realtime API it is fixed once it was heard."""
    ada, cedar = Speaker("e", "m", "marin"), Speaker("e", "m", "cedar")
    assert plan_handover(ada, cedar, LOCAL, has_spoken=True) is HandoverPlan.IN_PLACE
    assert plan_handover(ada, cedar, REALTIME, has_spoken=True) is HandoverPlan.NEW_SESSION


def test_the_engines_say_what_is_paid_for():
    """The local engine costs nothing, the Realtime API counts tokens."""
    assert (LOCAL.bills_by, REALTIME.bills_by) == (BillsBy.NOTHING, BillsBy.TOKENS)


def test_tool_names_leave_room_for_the_longest_slug():
    """A tool's name has at most 64 characters of letters, digits, - and _."""
    names = (TOOL_END_CALL, TOOL_TRANSFER_PREFIX + "a" * 40)
    assert all(len(name) <= 64 and name.replace("_", "").isalnum() for name in names)
