"""Agents' profiles on their way to the relays: one row per key and relay, for the newest profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from agentvoice.core.agent import AgentProfile
from agentvoice.core.delivery import OPEN_STATES, DeliveryEvent, DeliveryState, next_delivery_state
from agentvoice.core.event import SignedEvent
from agentvoice.errors import NotFound
from agentvoice.protocols.nostr.nip01 import KIND_TEXT_NOTE, encode_event, parse_event
from agentvoice.storage import agents, keys, projects
from agentvoice.storage.deliveries import one_line
from agentvoice.storage.publication_models import ProfileDeliveryRow
from agentvoice.storage.publications import count_rows
from agentvoice.storage.upsert import insert_missing


@dataclass(frozen=True, slots=True)
class ProfileDelivery:
    """Where a key's newest profile stands at one relay. `event` is None until one was signed.

    `digest` is of what the profile says; times are UTC ms.
    """

    pubkey: str
    relay: str
    digest: str
    event: SignedEvent | None
    created_at: int
    state: DeliveryState
    attempts: int
    next_attempt_at: int
    last_answer: str
    locked_until: int

    def is_due(self, now: int) -> bool:
        """Whether the relay should get it now."""
        is_free = self.next_attempt_at <= now and self.locked_until <= now
        return self.event is not None and self.state in OPEN_STATES and is_free


@dataclass(frozen=True, slots=True)
class SignableProfile:
    """An agent as it is now, the hex public key of whose it is (empty: nobody's), and its key's reference."""

    agent: AgentProfile
    owner: str
    reference: str


def want_profiles(session: Session, signed: Iterable[tuple[SignedEvent, Sequence[str]]], now: int) -> None:
    """Let the relays of notes have the profiles of the agents that signed them; known ones stay."""
    of_agents = {revision.profile.pubkey for revision in agents.list_agents(session)}
    wanted = (
        (event.pubkey, relay)
        for event, relays in signed
        if event.kind == KIND_TEXT_NOTE and event.pubkey in of_agents
        for relay in relays
    )
    for pubkey, relay in dict.fromkeys(wanted):
        values = {
            "pubkey": pubkey,
            "relay": relay,
            "digest": "",
            "json": b"",
            "created_at": now,
            "state": DeliveryState.WAITING.value,
            "next_attempt_at": now,
        }
        insert_missing(session, ProfileDeliveryRow, values)


def list_signable(session: Session, owner_project: str) -> tuple[SignableProfile, ...]:
    """Return the agents whose keys we know. The person of the project with that slug owns them."""
    references = {key.pubkey: key.reference for key in keys.list_keys(session)}
    try:
        project = projects.get_project(session, owner_project)
        owner = project.caller_pubkey or project.pubkey
    except NotFound:
        owner = ""
    profiles = (revision.profile for revision in agents.list_agents(session))
    return tuple(
        SignableProfile(agent, owner, references[agent.pubkey])
        for agent in profiles
        if agent.pubkey in references
    )


def list_profiles(session: Session, pubkey: str = "") -> tuple[ProfileDelivery, ...]:
    """Return the profiles of all keys, or of one, by key and relay."""
    query = select(ProfileDeliveryRow).order_by(ProfileDeliveryRow.pubkey, ProfileDeliveryRow.relay)
    if pubkey:
        query = query.where(ProfileDeliveryRow.pubkey == pubkey)
    return tuple(map(_value, session.scalars(query)))


def renew_profile(session: Session, digest: str, event: SignedEvent, now: int) -> int:
    """Put a newly signed profile in the place of what says something else; return for how many relays."""
    changed = session.execute(
        update(ProfileDeliveryRow)
        .where(ProfileDeliveryRow.pubkey == event.pubkey, ProfileDeliveryRow.digest != digest)
        .values(
            digest=digest,
            json=encode_event(event).encode(),
            created_at=now,
            state=DeliveryState.WAITING.value,
            attempts=0,
            next_attempt_at=now,
            last_answer="",
            locked_by="",
            locked_until=0,
        )
    )
    return count_rows(changed)


def start_profile_attempt(
    session: Session, found: ProfileDelivery, owner_id: str, now: int, next_at: int, locked_until: int
) -> bool:
    """Write down an attempt, to be committed before dialling; return whether it is ours to make.

    `next_at` is when to try again if this process dies meanwhile.
    """
    started = session.execute(
        update(ProfileDeliveryRow)
        .where(
            ProfileDeliveryRow.pubkey == found.pubkey,
            ProfileDeliveryRow.relay == found.relay,
            ProfileDeliveryRow.digest == found.digest,
            ProfileDeliveryRow.state.in_(OPEN_STATES),
            ProfileDeliveryRow.attempts == found.attempts,
            ProfileDeliveryRow.locked_until <= now,
        )
        .values(
            state=DeliveryState.ATTEMPTING.value,
            attempts=found.attempts + 1,
            next_attempt_at=next_at,
            locked_by=owner_id,
            locked_until=locked_until,
        )
    )
    return count_rows(started) == 1


def record_profile_outcome(
    session: Session,
    found: ProfileDelivery,
    owner_id: str,
    outcome: DeliveryEvent,
    answer: str,
    next_at: int = 0,
) -> bool:
    """Record how an attempt ended; False, and nothing, if another profile or process took over."""
    values = {
        "state": next_delivery_state(DeliveryState.ATTEMPTING, outcome).value,
        "last_answer": one_line(answer),
        "locked_by": "",
        "locked_until": 0,
    }
    recorded = session.execute(
        update(ProfileDeliveryRow)
        .where(
            ProfileDeliveryRow.pubkey == found.pubkey,
            ProfileDeliveryRow.relay == found.relay,
            ProfileDeliveryRow.digest == found.digest,
            ProfileDeliveryRow.locked_by == owner_id,
        )
        .values(**values, **({"next_attempt_at": next_at} if next_at else {}))
    )
    return count_rows(recorded) == 1


def _value(row: ProfileDeliveryRow) -> ProfileDelivery:
    return ProfileDelivery(
        pubkey=row.pubkey,
        relay=row.relay,
        digest=row.digest,
        event=parse_event(row.json.decode()) if row.json else None,
        created_at=row.created_at,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_answer=row.last_answer,
        locked_until=row.locked_until,
    )
