"""The reference of the states of threads and of relays' answers, from the tables that decide them.

`tools/reference.py` writes it. What agentvoice does with an answer is not told here but asked: each
example goes through the very functions that the publisher asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import OPEN_STATES, Delivery, DeliveryState
from agentvoice.core.ports import RelayAnswer
from agentvoice.protocols.nostr.advice import ADVICE, AnswerKind, classify_delivery
from agentvoice.protocols.nostr.answers import (
    LARGE_EVENT_BYTES,
    NOTICE_PREFIX,
    PREFIXES,
    TOO_LARGE_PREFIX,
    Verdict,
    judge_answer,
)

PUBLICATION_STATES: dict[PublicationState, tuple[str, str]] = {
    PublicationState.NONE: (
        "nothing of the call is to be published: its policy is `off`, the caller or the operator said no, nothing was"
        " said, or the thread was taken back",
        "nothing",
    ),
    PublicationState.REVIEW: (
        "it waits for a person; nothing is signed yet",
        "`agentvoice publication show ID`, then `approve`, `edit` or `reject`",
    ),
    PublicationState.QUEUED: (
        "it waits to be signed, or relays may still take it",
        "nothing while the daemon runs; `agentvoice publication show ID` says what it waits for",
    ),
    PublicationState.PUBLISHED: (
        "at least `publish.accepted_relays` relays (default 1; all, if the project has fewer) have the root and all"
        " turns; other relays may still be tried",
        "nothing; `agentvoice publication show ID --verify` proves it",
    ),
    PublicationState.PARTIAL: (
        "too few relays have all of it, and nothing more is tried",
        "mend what `agentvoice publication show ID` tells of each relay, then `agentvoice publication retry ID`",
    ),
    PublicationState.FAILED: (
        "it could not be signed, or no relay has any of it and nothing more is tried",
        "mend what `agentvoice publication show ID` tells, then `agentvoice publication retry ID`",
    ),
}
"""What each state means, and what to do."""

DELIVERY_STATES: dict[DeliveryState, tuple[str, str]] = {
    DeliveryState.WAITING: ("it is to be sent, at `next_attempt_at` or after its root", "nothing"),
    DeliveryState.ATTEMPTING: (
        "it is being sent; if the process dies meanwhile, it is sent again",
        "nothing",
    ),
    DeliveryState.ACCEPTED: ("the relay said that it has the event", "nothing"),
    DeliveryState.REJECTED: (
        "the relay will never take it as it is, or does not take its root",
        "what the answer's row below says; then `agentvoice publication retry ID --relay URL`",
    ),
    DeliveryState.EXPIRED: (
        "the relay did not take it for `publish.give_up_days` days, or the event's own expiration has passed",
        "once the relay is well: `agentvoice publication retry ID --relay URL`",
    ),
    DeliveryState.DROPPED: (
        "the operator gave it up",
        "nothing; `agentvoice publication retry ID --relay URL` takes it up again",
    ),
}
"""The same for one event at one relay."""

DONE: dict[Verdict, str] = {
    Verdict.ACCEPTED: "`accepted`",
    Verdict.RETRY: "`waiting`, tried again",
    Verdict.AUTH: "AUTH as the event's author (for a gift wrap, as a key that belongs to nobody), sent again; if that"
    " does not help, `waiting`",
    Verdict.REJECTED: "`rejected`",
}

SMALL, LARGE = LARGE_EVENT_BYTES // 2, LARGE_EVENT_BYTES * 2

ODD_ANSWERS: tuple[tuple[str, RelayAnswer, int], ...] = (
    ("OK `true` with any words, `duplicate:` too", RelayAnswer(True, "duplicate: have it"), SMALL),
    ("OK `false` with `duplicate: exists`", RelayAnswer(False, "duplicate: exists"), SMALL),
    ("OK `false` with `Duplicate event`, no colon", RelayAnswer(False, "Duplicate event"), SMALL),
    ("OK `false` with a prefix in capitals: `Rate-Limited: …`", RelayAnswer(False, "Rate-Limited: x"), SMALL),
    ("OK `false` with a prefix of its own: `reject: …`", RelayAnswer(False, "reject: no"), SMALL),
    ("OK `false` with `deleted: …`", RelayAnswer(False, "deleted: gone"), SMALL),
    ("OK `false` without a prefix", RelayAnswer(False, "you are not welcome here"), SMALL),
    ("OK `false` without a word", RelayAnswer(False, ""), SMALL),
    (
        f"NOTICE and no OK to an event of up to {LARGE_EVENT_BYTES:,} bytes",
        RelayAnswer(False, f"{NOTICE_PREFIX}: hm"),
        SMALL,
    ),
    ("NOTICE and no OK to a larger event", RelayAnswer(False, f"{NOTICE_PREFIX}: hm"), LARGE),
    (
        "the socket is closed as “too big” (code 1009), or breaks twice on a larger event",
        RelayAnswer(False, f"{TOO_LARGE_PREFIX}: the relay closed the connection"),
        LARGE,
    ),
)
"""What relays in use say that NIP-01 does not foresee: in words, as the queue gets it, and how large the event is."""

CONNECTION_ODDITIES: tuple[tuple[str, str], ...] = (
    (
        "no OK within `relays.ok_timeout_s`",
        "the connection is closed, so that a late OK meets no other event; `waiting`, tried again",
    ),
    (
        "OK with an empty event id",
        "it is for the one event in flight; were there several, each is sent again alone",
    ),
    ("AUTH asked for only after an event was refused, or anew each time", "the newest challenge is answered"),
    (
        "`restricted:` by a relay that has asked for AUTH and was not answered yet",
        "AUTH as the event's author, sent again; if that does not help, `rejected`",
    ),
    ("no OK to our AUTH", "after `relays.auth_timeout_s` the event is sent all the same"),
    ("frames that are no JSON, or of unknown kinds", "passed over; the first of a connection is logged"),
    ("the connection breaks", "once more on a new one, if it had been idle; else `waiting`, tried again"),
    (
        "OK `true`, and the event is not there",
        "seen by `agentvoice publication show ID --verify`;"
        " `agentvoice publication retry ID --resend` sends it again",
    ),
)
"""What relays do to connections; adapters/relay*.py and their tests."""

OF_SIGNING = (
    AnswerKind.KEY_NOT_HERE,
    AnswerKind.NO_KEY,
    AnswerKind.KEY_FILE,
    AnswerKind.SIGNER_AWAY,
    AnswerKind.UNSIGNABLE,
)
"""Kinds that are about a thread's `error`: nothing was sent."""


def render(made: str) -> str:
    """Return the page; `made` says that it is not written by hand."""
    of_relays = [kind for kind in AnswerKind if kind not in OF_SIGNING]
    return (
        "\n\n".join(
            [
                "# Publication states and relay answers",
                made,
                "Where a thread can stand, what relays say to its events, and what to do. `agentvoice publication show ID`"
                " shows all of it for one call; with `--json` the words of this page are `state`, `reason` and `advice`"
                " of [the document](documents.md#publication). How to: [Publish to your"
                " relays](../howto/publish-to-your-relays.md).",
                "## States of a publication",
                "`publication.state`: the whole thread of a call.",
                _table(("state", "means", "to do"), _state_rows(PUBLICATION_STATES.items())),
                "A private call has gift wraps instead of a thread: it is `published` when each wrap is at that many of"
                " its reader's relays.",
                "## States of a delivery",
                "`delivery.state`: one event at one relay. Open are"
                f" {' and '.join(f'`{state}`' for state in OPEN_STATES)}. Which step leads where is drawn in"
                " [Architecture](../explanation/architecture.md).",
                _table(("state", "means", "to do"), _state_rows(DELIVERY_STATES.items())),
                "## Prefixes",
                "What a relay's OK begins with (NIP-01), and what becomes of the delivery:",
                _table(("prefix", "then", "reason"), [_prefix_row(prefix) for prefix in PREFIXES]),
                "## Odd answers",
                "Relays in use also say and do these:",
                _table(("the relay answers", "then", "reason"), [_odd_row(*each) for each in ODD_ANSWERS]),
                _table(("the relay does", "agentvoice"), CONNECTION_ODDITIES),
                "## Reasons",
                "`reason` of a delivery or relay, what agentvoice does, and `advice`:",
                _table(("reason", "the relay says", "agentvoice", "to do"), _reason_rows(of_relays)),
                "A delivery is tried with the same signed bytes each time, so a repeat is harmless. The times are those of"
                " [`[publish]`](config.md). A delivery that is tried again is sent at once when its relay takes another"
                " event, or by `agentvoice publication retry ID`.",
                "## Why a thread is not signed",
                "`error` of a publication that has no events yet, and `advice`:",
                _table(("reason", "the error", "agentvoice", "to do"), _reason_rows(OF_SIGNING)),
            ]
        )
        + "\n"
    )


def verdict_of(answer: RelayAnswer, event_bytes: int) -> Verdict:
    """Return what the publisher makes of an answer."""
    return judge_answer(answer, event_bytes)


def reason_of(answer: RelayAnswer, verdict: Verdict) -> AnswerKind:
    """Return the reason that `publication show` gives after an answer."""
    states = {Verdict.ACCEPTED: DeliveryState.ACCEPTED, Verdict.REJECTED: DeliveryState.REJECTED}
    state = states.get(verdict, DeliveryState.WAITING)
    return classify_delivery(Delivery(1, "", "", "", True, state, 1, 0, 0, answer.message))


def _prefix_row(prefix: str) -> tuple[str, str, str]:
    answer = RelayAnswer(False, f"{prefix}: why")
    verdict = verdict_of(answer, SMALL)
    return f"`{prefix}:`", DONE[verdict], f"`{reason_of(answer, verdict)}`"


def _odd_row(words: str, answer: RelayAnswer, event_bytes: int) -> tuple[str, str, str]:
    verdict = verdict_of(answer, event_bytes)
    return words, DONE[verdict], f"`{reason_of(answer, verdict)}`"


def _state_rows(states: Iterable[tuple[str, tuple[str, str]]]) -> list[tuple[str, str, str]]:
    return [(f"`{state}`", means, todo) for state, (means, todo) in states]


def _reason_rows(kinds: Iterable[AnswerKind]) -> list[tuple[str, str, str, str]]:
    names = {"npub": "the author", "call": "ID", "relay": "URL"}
    return [
        (f"`{kind}`", advice.seen, advice.does, advice.todo.format(**names))
        for kind, advice in ((kind, ADVICE[kind]) for kind in kinds)
    ]


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
