"""What stands behind a relay's answer, and what the operator can do: one row for each kind.

protocols.nostr.answers decides what agentvoice does; this table tells it to people. The page
docs/reference/publication-states.md is drawn from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from agentvoice.core.delivery import OPEN_STATES, Delivery, DeliveryState


class AnswerKind(StrEnum):
    """What stands behind the state of a delivery, or behind a thread that is not signed."""

    ACCEPTED = "accepted"
    NOT_TRIED = "not-tried"
    WAITS_FOR_ROOT = "waits-for-root"
    RATE_LIMITED = "rate-limited"
    BUSY = "busy"
    NO_CONNECTION = "no-connection"
    CONNECTION_LOST = "connection-lost"
    NO_ANSWER = "no-answer"
    EMBEDDED_DOWN = "embedded-down"
    GARBAGE = "garbage"
    AUTH_REQUIRED = "auth-required"
    NOTICE = "notice"
    POW = "pow"
    BLOCKED = "blocked"
    RESTRICTED = "restricted"
    MUTED = "muted"
    TOO_LARGE = "too-large"
    WRONG_TIME = "wrong-time"
    LIMITS = "limits"
    INVALID = "invalid"
    REFUSED = "refused"
    ROOT_REFUSED = "root-refused"
    EXPIRED = "expired"
    DROPPED = "dropped"
    TAKEN_BACK = "taken-back"
    KEY_NOT_HERE = "key-not-here"
    NO_KEY = "no-key"
    KEY_FILE = "key-file"
    SIGNER_AWAY = "signer-away"
    UNSIGNABLE = "unsignable"


@dataclass(frozen=True, slots=True)
class Advice:
    """What a relay says (`seen`), what agentvoice does then, and what the operator can do.

    `todo` may hold {npub} (who signed the event), {call} and {relay}.
    """

    seen: str
    does: str
    todo: str


_RETRIES = "tries again: after 5 s, doubling up to 5 min, then hourly, for 5 days"
_GIVES_UP = "does not send it to this relay again"
_RETRY = "`agentvoice publication retry {call} --relay {relay}`"
_DROP = "`agentvoice publication drop {call} --relay {relay}`"
_RESIGN = "then `agentvoice publication retry {call}`"

ADVICE: dict[AnswerKind, Advice] = {
    AnswerKind.ACCEPTED: Advice(
        "`true`, or `duplicate:` in any form", "counts it as delivered", "nothing to do"
    ),
    AnswerKind.NOT_TRIED: Advice(
        "nothing: it was not sent yet",
        "sends it with the next sweep",
        "nothing to do while `agentvoice serve` runs; without it nothing is sent",
    ),
    AnswerKind.WAITS_FOR_ROOT: Advice(
        "nothing: the relay does not have the root yet",
        "sends the root first",
        "see what the relay says to the root",
    ),
    AnswerKind.RATE_LIMITED: Advice(
        "`rate-limited:`", "halves its pace at this relay, then goes on", "waits for its turn: nothing to do"
    ),
    AnswerKind.BUSY: Advice("`error:`", _RETRIES, "nothing to do; if it lasts, ask the relay's operator"),
    AnswerKind.NO_CONNECTION: Advice(
        "no connection, or none in time",
        _RETRIES + "; at once when the relay is back",
        "check the address with `agentvoice relay check {relay}`; if the relay is gone for good, " + _DROP,
    ),
    AnswerKind.CONNECTION_LOST: Advice(
        "the connection breaks while the event is sent",
        _RETRIES,
        "nothing to do; the same event is sent again",
    ),
    AnswerKind.NO_ANSWER: Advice(
        "no OK in time", _RETRIES, "nothing to do; if it lasts, raise relays.ok_timeout_s or " + _DROP
    ),
    AnswerKind.EMBEDDED_DOWN: Advice(
        "the embedded relay is not running", _RETRIES, "start the daemon: `agentvoice serve`"
    ),
    AnswerKind.GARBAGE: Advice(
        "something that is no relay's answer", _RETRIES, "check that {relay} is a Nostr relay, else " + _DROP
    ),
    AnswerKind.AUTH_REQUIRED: Advice(
        "`auth-required:` (NIP-42), and no key here that it takes",
        _RETRIES + ", answering AUTH with the author's key",
        "the relay wants {npub} to sign in: see with `agentvoice key list` that its key is here, or " + _DROP,
    ),
    AnswerKind.NOTICE: Advice(
        "NOTICE instead of an OK",
        "tries a small event again, gives up a large one",
        "read the relay's words; " + _DROP + " if it goes on",
    ),
    AnswerKind.POW: Advice(
        "`pow:` (NIP-13)",
        _GIVES_UP,
        "agentvoice does no proof of work: choose another relay, or " + _DROP,
    ),
    AnswerKind.BLOCKED: Advice(
        "`blocked:`",
        _GIVES_UP,
        "the relay does not take posts from {npub}: ask its operator, or drop the relay from the project",
    ),
    AnswerKind.RESTRICTED: Advice(
        "`restricted:`",
        _GIVES_UP,
        "the relay does not take posts from {npub}: ask its operator for the right to write, "
        "or drop the relay from the project",
    ),
    AnswerKind.MUTED: Advice(
        "`mute:`", _GIVES_UP, "the relay shows {npub} to nobody: ask its operator, or drop the relay"
    ),
    AnswerKind.TOO_LARGE: Advice(
        "`too-large:`, the connection closed, or a refusal that speaks of size",
        _GIVES_UP,
        "shape `thread` makes smaller events than `single`; else choose a relay that takes 4,000 characters",
    ),
    AnswerKind.WRONG_TIME: Advice(
        "a refusal that speaks of `created_at`",
        _GIVES_UP,
        "check this machine's clock; a relay that takes no older events cannot have old calls",
    ),
    AnswerKind.LIMITS: Advice(
        "nothing: its information document (NIP-11) says that it would refuse",
        "does not send it",
        "read the limits with `agentvoice relay check {relay}`, or choose another relay",
    ),
    AnswerKind.INVALID: Advice(
        "`invalid:`",
        _GIVES_UP,
        "other relays may take the same event; report it with the relay's words and its id",
    ),
    AnswerKind.REFUSED: Advice(
        "any other refusal", _GIVES_UP, "read the relay's words; once they no longer hold, " + _RETRY
    ),
    AnswerKind.ROOT_REFUSED: Advice(
        "nothing: the relay does not take the root",
        "does not send the replies, which would hang in the air",
        "mend what the relay says to the root, then " + _RETRY,
    ),
    AnswerKind.EXPIRED: Advice(
        "nothing good for 5 days (publish.give_up_days)",
        "gave up",
        "once the relay is well: " + _RETRY + ", which gives it 5 days more",
    ),
    AnswerKind.DROPPED: Advice(
        "nothing: the operator dropped it", "does not send it", _RETRY + " takes it up again"
    ),
    AnswerKind.TAKEN_BACK: Advice(
        "nothing: the operator took the thread back", "never sends it", "nothing to do"
    ),
    AnswerKind.KEY_NOT_HERE: Advice(
        "the variable or credential that holds the key is not set here",
        "tries again to sign, once a minute",
        "give the daemon's service the variable and restart it; the thread is then signed by itself",
    ),
    AnswerKind.NO_KEY: Advice(
        "no key signs for a speaker",
        "does not sign",
        "give the agent a key with `agentvoice key`, " + _RESIGN,
    ),
    AnswerKind.KEY_FILE: Advice(
        "a key file is missing, wrong, or open to others",
        "does not sign",
        "mend the file that the message names, " + _RESIGN,
    ),
    AnswerKind.SIGNER_AWAY: Advice(
        "the remote signer (bunker) does not answer",
        "tries again to sign, once a minute",
        "start the signer, and let it approve the daemon; the thread is then signed by itself",
    ),
    AnswerKind.UNSIGNABLE: Advice(
        "anything else that keeps a thread from being signed",
        "does not sign",
        "mend what it says, " + _RESIGN,
    ),
}

# The first that is found in an answer (lower case) says its kind; the order matters.
_ANSWERS = (
    (AnswerKind.ROOT_REFUSED, r"^with its root:"),
    (AnswerKind.LIMITS, r"\bthe relay (takes|wants)\b"),
    (AnswerKind.RATE_LIMITED, r"^rate-limited\b"),
    (AnswerKind.AUTH_REQUIRED, r"^auth-required\b"),
    (AnswerKind.POW, r"^pow\b"),
    (AnswerKind.TOO_LARGE, r"^too-large:|\btoo (large|big|long)\b|\bmax\w* (event )?(size|length)\b"),
    (
        AnswerKind.WRONG_TIME,
        r"\bcreated_at\b|\btimestamp\b|\btoo (old|new|late|early)\b|\bin the (future|past)\b",
    ),
    (AnswerKind.INVALID, r"^invalid\b"),
    (AnswerKind.BLOCKED, r"^blocked\b"),
    (AnswerKind.RESTRICTED, r"^restricted\b"),
    (AnswerKind.MUTED, r"^mute\b"),
    (AnswerKind.NOTICE, r"^notice:"),
    (AnswerKind.BUSY, r"^error\b"),
    (AnswerKind.EMBEDDED_DOWN, r"\bembedded relay is not running\b"),
    (AnswerKind.NO_CONNECTION, r": no connection\b"),
    (AnswerKind.CONNECTION_LOST, r": the connection (is|was|broke)\b"),
    (AnswerKind.NO_ANSWER, r": no answer\b"),
    (AnswerKind.GARBAGE, r"^relay (frame|message)\b"),
)

_ERRORS = (
    (AnswerKind.KEY_NOT_HERE, r"\bis not set here\b"),
    (AnswerKind.NO_KEY, r"\bno key signs for\b"),
    (AnswerKind.SIGNER_AWAY, r"\bbunker\b|\bremote signer\b"),
    (AnswerKind.KEY_FILE, r"\bkey file\b"),
)


def classify_delivery(
    delivery: Delivery, *, waits_for_root: bool = False, is_taken_back: bool = False
) -> AnswerKind:
    """Return what stands behind the state of a delivery, of a thread that was perhaps taken back."""
    if delivery.state is DeliveryState.ACCEPTED:
        return AnswerKind.ACCEPTED
    if is_taken_back:
        return AnswerKind.TAKEN_BACK
    match delivery.state:
        case DeliveryState.EXPIRED:
            return AnswerKind.EXPIRED
        case DeliveryState.DROPPED:
            return AnswerKind.DROPPED
    if waits_for_root:
        return AnswerKind.WAITS_FOR_ROOT
    if delivery.state in OPEN_STATES and not (delivery.attempts and delivery.last_answer):
        return AnswerKind.NOT_TRIED
    return _find(_ANSWERS, delivery.last_answer, AnswerKind.REFUSED)


def classify_error(error: str) -> AnswerKind:
    """Return what stands behind a thread's `error`: why it is not signed."""
    return _find(_ERRORS, error, AnswerKind.UNSIGNABLE)


def advise(kind: AnswerKind, *, npub: str = "", call: str = "last", relay: str = "") -> str:
    """Return what to do, in one sentence that names these."""
    return ADVICE[kind].todo.format(npub=npub or "its author", call=call, relay=relay)


def _find(table: tuple[tuple[AnswerKind, str], ...], text: str, otherwise: AnswerKind) -> AnswerKind:
    words = text.strip().lower()
    return next((kind for kind, pattern in table if re.search(pattern, words)), otherwise)
