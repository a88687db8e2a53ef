"""The call's state machine and its stored values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentvoice.core.project import PublishPolicy
from agentvoice.errors import InvalidTransition

LEASE_RENEW_S = 5.0
"""A live call's owner renews its lease this often …"""

LEASE_VALID_MS = 20_000
"""… and crash recovery may take the call when this much has passed without renewal."""


LOCAL_CALLER = "local"
"""Who calls from this machine: its user is one caller, whichever leg is used."""


class CallState(StrEnum):
    """Where a call stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    SWITCHING = "switching"
    RECONNECTING = "reconnecting"
    ENDING = "ending"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why a call ended."""

    CALLER = "caller"
    AGENT = "agent"
    OPERATOR = "operator"
    BUDGET = "budget"
    LIMIT = "limit"
    ENGINE_FAILED = "engine_failed"
    DRAINED = "drained"
    CRASH = "crash"


class CallEvent(StrEnum):
    """What moves a call from state to state."""

    SESSION_READY = "session_ready"
    SWITCH_REQUESTED = "switch_requested"
    SWITCH_DONE = "switch_done"
    SWITCH_FAILED = "switch_failed"
    SESSION_LOST = "session_lost"
    GAVE_UP = "gave_up"
    END_REQUESTED = "end_requested"
    CLOSED = "closed"


TRANSITIONS: dict[CallState, dict[CallEvent, CallState]] = {
    CallState.CONNECTING: {
        CallEvent.SESSION_READY: CallState.LIVE,
        CallEvent.SESSION_LOST: CallState.CONNECTING,
        CallEvent.GAVE_UP: CallState.ENDING,
        CallEvent.END_REQUESTED: CallState.ENDING,
    },
    CallState.LIVE: {
        CallEvent.SWITCH_REQUESTED: CallState.SWITCHING,
        CallEvent.SESSION_LOST: CallState.RECONNECTING,
        CallEvent.GAVE_UP: CallState.ENDING,
        CallEvent.END_REQUESTED: CallState.ENDING,
    },
    CallState.SWITCHING: {
        CallEvent.SWITCH_DONE: CallState.LIVE,
        # A failed handover leaves the old agent in place; if its session went too, we reconnect.
        CallEvent.SWITCH_FAILED: CallState.LIVE,
        CallEvent.SESSION_LOST: CallState.RECONNECTING,
        CallEvent.GAVE_UP: CallState.ENDING,
        CallEvent.END_REQUESTED: CallState.ENDING,
    },
    CallState.RECONNECTING: {
        CallEvent.SESSION_READY: CallState.LIVE,
        CallEvent.SESSION_LOST: CallState.RECONNECTING,
        CallEvent.GAVE_UP: CallState.ENDING,
        CallEvent.END_REQUESTED: CallState.ENDING,
    },
    CallState.ENDING: {
        # The end can be asked for twice (caller hangs up while the agent says goodbye).
        CallEvent.END_REQUESTED: CallState.ENDING,
        CallEvent.SESSION_LOST: CallState.ENDING,
        CallEvent.GAVE_UP: CallState.ENDING,
        CallEvent.CLOSED: CallState.ENDED,
    },
    CallState.ENDED: {},
}


def next_call_state(state: CallState, event: CallEvent) -> CallState:
    """Return the state after `event`; raise InvalidTransition where the table has no entry."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise InvalidTransition(f"call: {event.value} is not possible while {state.value}") from None


class PublicationState(StrEnum):
    """Where a call's thread stands."""

    NONE = "none"
    REVIEW = "review"
    QUEUED = "queued"
    PUBLISHED = "published"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Call:
    """A call as stored. `id` is the session id of the thread. Times are UTC ms, 0: not yet.

    `agent` is the slug it began with; `caller` is who calls, as the leg knows it; `policy` and `relays` are the project's at the start, as the
    caller was shown them; `do_not_publish` once set is never taken back.
    """

    id: str
    project: str
    agent: str
    transport: str
    engine: str
    state: CallState
    policy: PublishPolicy
    relays: tuple[str, ...]
    owner_id: str
    lease_until: int
    started_at: int
    end_reason: EndReason | None = None
    ended_at: int = 0
    do_not_publish: bool = False
    publication: PublicationState = PublicationState.NONE
    caller: str = LOCAL_CALLER


@dataclass(frozen=True, slots=True)
class CallAgent:
    """An agent's part in a call: which revision of it spoke, from when on (UTC ms)."""

    call_id: str
    agent: str
    revision: int
    joined_at: int
