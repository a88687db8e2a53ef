from __future__ import annotations

import pytest

from agentvoice.core.ports import RelayAnswer
from agentvoice.protocols.nostr.answers import LARGE_EVENT_BYTES, Verdict, is_rate_limited, judge_answer

SMALL = 500


@pytest.mark.parametrize(
    ("accepted", "message", "verdict"),
    [
        (True, "", Verdict.ACCEPTED),
        (True, "duplicate: already have this event", Verdict.ACCEPTED),
        (True, "anything at all", Verdict.ACCEPTED),
        (False, "duplicate: exists", Verdict.ACCEPTED),
        (False, "Duplicate: exists", Verdict.ACCEPTED),
        (False, "duplicate", Verdict.ACCEPTED),
        (False, "rate-limited: slow down", Verdict.RETRY),
        (False, "error: could not connect to the database", Verdict.RETRY),
        (False, "notice: bad msg", Verdict.RETRY),
        (False, "auth-required: we only take events of members", Verdict.AUTH),
        (False, "pow: difficulty 26 is less than 30", Verdict.REJECTED),
        (False, "invalid: event creation date is too far off", Verdict.REJECTED),
        (False, "blocked: you are banned", Verdict.REJECTED),
        (False, "restricted: not a member", Verdict.REJECTED),
        (False, "mute: no one was listening", Verdict.REJECTED),
        (False, "too-large: the relay closed the connection", Verdict.REJECTED),
        (False, "reject: no", Verdict.REJECTED),
        (False, "deleted: it was deleted", Verdict.REJECTED),
        (False, "what is this", Verdict.REJECTED),
        (False, "", Verdict.REJECTED),
        (False, "we had an error: later", Verdict.REJECTED),
    ],
)
def test_each_answer_has_its_verdict(accepted: bool, message: str, verdict: Verdict):
    """The table of prefixes, seen and standard, for an event of usual size."""
    assert judge_answer(RelayAnswer(accepted, message), SMALL) is verdict


def test_a_notice_about_a_large_event_is_a_refusal():
    """Only a relay's NOTICE about more than the smallest usual limit is taken for "too large"."""
    answer = RelayAnswer(False, "notice: message too large")
    assert judge_answer(answer, LARGE_EVENT_BYTES) is Verdict.RETRY
    assert judge_answer(answer, LARGE_EVENT_BYTES + 1) is Verdict.REJECTED


def test_rate_limits_are_told_apart():
    """Only a refusal for speed slows the whole relay down."""
    assert is_rate_limited(RelayAnswer(False, "rate-limited: x"))
    assert not is_rate_limited(RelayAnswer(True, "rate-limited: x"))
    assert not is_rate_limited(RelayAnswer(False, "error: x"))
