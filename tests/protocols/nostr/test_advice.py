"""What stands behind a relay's answer, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.core.delivery import Delivery, DeliveryState
from agentvoice.protocols.nostr.advice import (
    ADVICE,
    AnswerKind,
    advise,
    classify_delivery,
    classify_error,
)

REJECTED = Delivery(1, "c", "e", "wss://r", False, DeliveryState.REJECTED, 1, 0, 0)
WAITING = replace(REJECTED, state=DeliveryState.WAITING)

# Answers of the relays that the tests run, and of those that docs and issues of relays show.
REFUSALS = {
    "pow: 8 bits needed": AnswerKind.POW,
    "invalid: bad signature": AnswerKind.INVALID,
    "invalid: created_at too late": AnswerKind.WRONG_TIME,
    "Invalid: event timestamp is in the future": AnswerKind.WRONG_TIME,
    "invalid: created_at too early": AnswerKind.WRONG_TIME,
    "blocked: you are not welcome": AnswerKind.BLOCKED,
    "blocked: event too large": AnswerKind.TOO_LARGE,
    "too-large: the relay closed the connection": AnswerKind.TOO_LARGE,
    "notice: event is too big": AnswerKind.TOO_LARGE,
    "notice: bad event": AnswerKind.NOTICE,
    "restricted: members only": AnswerKind.RESTRICTED,
    "mute: nobody hears you": AnswerKind.MUTED,
    "reject: no": AnswerKind.REFUSED,
    "": AnswerKind.REFUSED,
    "with its root: pow: 20 bits": AnswerKind.ROOT_REFUSED,
    "the relay wants 20 bits of proof of work, this event has 3": AnswerKind.LIMITS,
    "the relay takes at most 10 tags, this one has 12": AnswerKind.LIMITS,
}
TROUBLES = {
    "rate-limited: slow down": AnswerKind.RATE_LIMITED,
    "auth-required: who are you": AnswerKind.AUTH_REQUIRED,
    "error: database": AnswerKind.BUSY,
    "notice: could not parse": AnswerKind.NOTICE,
    "embedded: the embedded relay is not running": AnswerKind.EMBEDDED_DOWN,
    "wss://r: no connection within 10 s": AnswerKind.NO_CONNECTION,
    "wss://r: no connection: refused": AnswerKind.NO_CONNECTION,
    "wss://r: no answer to an event within 10 s": AnswerKind.NO_ANSWER,
    "wss://r: the connection broke: reset": AnswerKind.CONNECTION_LOST,
    "wss://r: the connection is closed": AnswerKind.CONNECTION_LOST,
    "relay frame: got 'hello', want JSON": AnswerKind.GARBAGE,
}
ERRORS = {
    "key env:KEY: the environment variable is not set here": AnswerKind.KEY_NOT_HERE,
    "no key signs for ada: give it one with `agentvoice key`": AnswerKind.NO_KEY,
    "key file /home/keys/npub1: does not exist": AnswerKind.KEY_FILE,
    "bunker: no answer within 30 s": AnswerKind.SIGNER_AWAY,
    "project 'x': no such project": AnswerKind.UNSIGNABLE,
}


@pytest.mark.parametrize(("answer", "kind"), REFUSALS.items())
def test_a_refusal_is_understood(answer: str, kind: AnswerKind):
    """By its prefix, or by what its words speak of."""
    assert classify_delivery(replace(REJECTED, last_answer=answer)) is kind


@pytest.mark.parametrize(("answer", "kind"), TROUBLES.items())
def test_what_may_pass_is_understood(answer: str, kind: AnswerKind):
    """Relays' own words and those of our connections."""
    assert classify_delivery(replace(WAITING, last_answer=answer)) is kind


@pytest.mark.parametrize(("error", "kind"), ERRORS.items())
def test_why_a_thread_is_not_signed_is_understood(error: str, kind: AnswerKind):
    """A key that is elsewhere is another thing than a key that is wrong."""
    assert classify_error(error) is kind


@pytest.mark.parametrize(
    ("delivery", "waits", "kind"),
    [
        (replace(REJECTED, state=DeliveryState.ACCEPTED), False, AnswerKind.ACCEPTED),
        (replace(REJECTED, state=DeliveryState.EXPIRED), False, AnswerKind.EXPIRED),
        (replace(REJECTED, state=DeliveryState.DROPPED), False, AnswerKind.DROPPED),
        (WAITING, True, AnswerKind.WAITS_FOR_ROOT),
        (replace(WAITING, attempts=0, last_answer="pow: 3"), False, AnswerKind.NOT_TRIED),
        (WAITING, False, AnswerKind.NOT_TRIED),
    ],
)
def test_some_states_speak_for_themselves(delivery: Delivery, waits: bool, kind: AnswerKind):
    """What was not sent, or is not sent any more, needs no answer to be explained."""
    assert classify_delivery(delivery, waits_for_root=waits) is kind


def test_a_thread_that_was_taken_back_is_not_taken_up_again():
    """What was dropped with it has no retry; what a relay has, it has."""
    for state in (DeliveryState.DROPPED, DeliveryState.REJECTED, DeliveryState.EXPIRED):
        gone = replace(REJECTED, state=state, last_answer="pow: 20 bits")
        assert classify_delivery(gone, is_taken_back=True) is AnswerKind.TAKEN_BACK
    accepted = replace(REJECTED, state=DeliveryState.ACCEPTED)
    assert classify_delivery(accepted, is_taken_back=True) is AnswerKind.ACCEPTED


def test_every_kind_has_advice_and_is_found():
    """No row without a reason, no kind without a row."""
    found = {*REFUSALS.values(), *TROUBLES.values(), *ERRORS.values()}
    by_state = {"accepted", "expired", "dropped", "waits-for-root", "not-tried", "taken-back"}
    assert set(ADVICE) == set(AnswerKind)
    assert {kind.value for kind in found} | by_state == {kind.value for kind in AnswerKind}


def test_advice_names_whom_and_what_it_is_about():
    """A command can be copied as it stands; an unknown author is called so."""
    told = advise(AnswerKind.DROPPED, call="c1", relay="wss://r")
    assert told == "`agentvoice publication retry c1 --relay wss://r` takes it up again"
    assert "posts from npub1x:" in advise(AnswerKind.BLOCKED, npub="npub1x")
    assert "posts from its author:" in advise(AnswerKind.BLOCKED)
