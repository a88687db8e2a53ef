"""Deliveries: one signed event for one relay, tried until the relay has it or never will."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentvoice.core.event import SignedEvent


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class ThreadEvent:
    """A stored, signed event of a call's thread; `position` 0 is the root."""

    call_id: str
    position: int
    event: SignedEvent


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event × one relay. Times are UTC ms; `last_answer` is the relay's own words."""

    id: int
    call_id: str
    event_id: str
    relay: str
    is_root: bool
    state: DeliveryState
    attempts: int
    created_at: int
    next_attempt_at: int
    last_answer: str = ""
