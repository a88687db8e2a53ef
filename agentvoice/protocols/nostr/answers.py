"""What a relay's answer to an event means: NIP-01's prefixes, and what relays say instead.

| answer                                                             | verdict  |
|--------------------------------------------------------------------|----------|
| `true`, or `duplicate:` in any form                                | ACCEPTED |
| `rate-limited:`, `error:`                                          | RETRY    |
| `auth-required:`                                                   | AUTH     |
| NOTICE and no OK                                                   | RETRY, REJECTED for a large event |
| `pow:` `invalid:` `blocked:` `restricted:` `mute:` and all unknown | REJECTED |

Unknown prefixes (`reject:`, `deleted:` …) are refusals: an event that will never be taken must not
be offered for ever.
"""

from __future__ import annotations

from enum import StrEnum

from agentvoice.core.ports import RelayAnswer

LARGE_EVENT_BYTES = 4_096
"""The smallest limit that a relay in use has by default: a NOTICE about more is taken for "too large"."""

NOTICE_PREFIX = "notice"
"""Our own prefix for a NOTICE that came instead of an OK."""

TOO_LARGE_PREFIX = "too-large"
"""Our own prefix for a socket closed as "message too big" (RFC 6455 code 1009)."""


class Verdict(StrEnum):
    """What to do after an answer."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    AUTH = "auth"
    REJECTED = "rejected"


_VERDICTS = {
    "duplicate": Verdict.ACCEPTED,
    "rate-limited": Verdict.RETRY,
    "error": Verdict.RETRY,
    "auth-required": Verdict.AUTH,
    "pow": Verdict.REJECTED,
    "invalid": Verdict.REJECTED,
    "blocked": Verdict.REJECTED,
    "restricted": Verdict.REJECTED,
    "mute": Verdict.REJECTED,
    TOO_LARGE_PREFIX: Verdict.REJECTED,
}


PREFIXES = tuple(_VERDICTS)
"""Those that have a meaning; any other is a refusal."""


def answer_prefix(message: str) -> str:
    """Return the machine-readable word before the first colon, in lower case; empty if there is none."""
    prefix, colon, _ = message.partition(":")
    return prefix.strip().lower() if colon and " " not in prefix.strip() else ""


def judge_answer(answer: RelayAnswer, event_bytes: int) -> Verdict:
    """Return what the answer to an event of that size (its EVENT frame) means."""
    if answer.accepted:
        return Verdict.ACCEPTED
    prefix = answer_prefix(answer.message)
    if prefix == NOTICE_PREFIX:
        return Verdict.REJECTED if event_bytes > LARGE_EVENT_BYTES else Verdict.RETRY
    if not prefix and answer.message.lower().startswith("duplicate"):
        return Verdict.ACCEPTED
    return _VERDICTS.get(prefix, Verdict.REJECTED)


def is_rate_limited(answer: RelayAnswer) -> bool:
    """Return whether the relay asks for fewer events, so that all its deliveries should slow down."""
    return not answer.accepted and answer_prefix(answer.message) == "rate-limited"
