import pytest

from agentvoice.core.speech import Respond
from agentvoice.protocols.realtime.response_slot import ResponseSlot, SlotState

FREE, ASKED, ACTIVE = SlotState.FREE, SlotState.ASKED, SlotState.ACTIVE


def slot_in(state):
    slot = ResponseSlot()
    if state is ASKED:
        slot.ask(Respond("first"))
        slot.take("evt_1")
    elif state is ACTIVE:
        slot.started("resp_1")
    assert slot.state is state
    return slot


def ask(slot):
    slot.ask(Respond())
    return slot.take("evt_2") is not None


@pytest.mark.parametrize(
    ("state", "happens", "then"),
    [
        (FREE, ask, ASKED),
        (FREE, lambda slot: slot.started("resp_2"), ACTIVE),
        (FREE, lambda slot: slot.refused(place_is_held=False), FREE),
        (FREE, lambda slot: slot.ended("resp_1"), FREE),
        (ASKED, ask, ASKED),
        (ASKED, lambda slot: slot.started("resp_2"), ACTIVE),
        (ASKED, lambda slot: slot.refused(place_is_held=False), FREE),
        (ASKED, lambda slot: slot.ended("resp_1"), ASKED),
        (ACTIVE, ask, ACTIVE),
        (ACTIVE, lambda slot: slot.started("resp_2"), ACTIVE),
        (ACTIVE, lambda slot: slot.refused(place_is_held=False), ACTIVE),
        (ACTIVE, lambda slot: slot.ended("resp_1"), FREE),
        (ACTIVE, lambda slot: slot.ended("resp_9"), ACTIVE),
    ],
)
def test_every_event_in_every_state(state, happens, then):
    """The place is held from the request to the end of its reply, by one reply at a time."""
    slot = slot_in(state)
    happens(slot)
    assert slot.state is then


def test_a_request_is_given_only_when_the_place_is_free():
    """take() hands out the oldest request, and only one at a time."""
    slot = slot_in(ACTIVE)
    slot.ask(Respond("first"))
    slot.ask(Respond("second"))
    assert slot.take("evt_1") is None
    slot.ended("resp_1")
    assert slot.take("evt_1") == Respond("first")
    assert slot.take("evt_2") is None
    assert slot.is_request("evt_1") and not slot.is_request("evt_2")


def test_a_refusal_after_the_end_frees_nothing_twice():
    """The server's own reply came and went before our request's refusal was read."""
    slot = slot_in(ASKED)
    slot.started("resp_1")
    slot.ended("resp_1")
    assert slot.refused(place_is_held=True)
    assert slot.state is FREE
    assert slot.take("evt_2") == Respond("first")


def test_an_unwanted_reply_is_named_once_it_began():
    """Cancelled while only asked for: to be cancelled when it starts, once."""
    slot = slot_in(ASKED)
    assert slot.cancel() == ""
    assert slot.take_unwanted() == ""
    slot.started("resp_1")
    assert slot.take_unwanted() == "resp_1"
    assert slot.take_unwanted() == ""
