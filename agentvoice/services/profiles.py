"""Agents' profiles on Nostr: each relay that gets an agent's threads learns who the agent is.

Signed once for each change of what it says. A profile that somebody else wrote for the same key is
left alone: relays keep only the newest one, and replacing it would lose it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from agentvoice.config.settings import PublishSettings
from agentvoice.core.delivery import DeliveryEvent
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, LoadSigner, RelayAnswer, Relays
from agentvoice.core.project import public_address
from agentvoice.core.retry import MS_PER_S, RetryPlan, is_too_old, next_attempt_at
from agentvoice.errors import AgentVoiceError
from agentvoice.protocols.nostr.answers import Verdict, judge_answer
from agentvoice.protocols.nostr.nip01 import encode_publish
from agentvoice.protocols.nostr.profile import (
    KIND_PROFILE,
    build_profile,
    is_foreign_profile,
    profile_digest,
)
from agentvoice.services.thread_check import FindForgery
from agentvoice.storage import profiles
from agentvoice.storage.database import Database
from agentvoice.storage.profiles import ProfileDelivery, SignableProfile
from agentvoice.storage.transactions import read, write

ATTEMPT_LOCK_MS = 60_000
"""How long an attempt may take before another process may repeat it."""

UNSIGNED_RETRY_S = 60.0
"""When this process tries again to sign a profile that it could not sign."""

STORED_PROFILES = 10
"""A relay keeps one profile of a key; some have older ones still."""

FOREIGN = "not sent: the relay has a profile of this key that agentvoice did not write"

log = structlog.get_logger(__name__)


class Profiles:
    """Signs and delivers the profiles of a database's agents, for this process (`owner_id`).

    `owner_project` is the slug of the project whose person is named as the agents' owner.
    """

    def __init__(
        self,
        database: Database,
        relays: Relays,
        load_signer: LoadSigner,
        find_forgery: FindForgery,
        dial_address: Callable[[str], str],
        clock: Clock,
        settings: PublishSettings,
        owner_id: str,
        owner_project: str,
    ) -> None:
        self._database = database
        self._relays = relays
        self._load_signer = load_signer
        self._find_forgery = find_forgery
        self._dial_address = dial_address
        self._clock = clock
        self._settings = settings
        self._owner_id = owner_id
        self._owner_project = owner_project
        self._plan = RetryPlan(settings.first_retry_s, settings.max_retry_s, settings.give_up_days)
        self._not_before_s: dict[str, float] = {}

    async def publish_due(self) -> int:
        """Sign what changed and attempt what is due; return how many attempts were made."""
        if not self._settings.profiles:
            return 0
        owner_project = self._owner_project
        found = await read(self._database, lambda session: profiles.list_signable(session, owner_project))
        signable = {one.agent.pubkey: one for one in found}
        for known in await read(self._database, profiles.list_profiles):
            one = signable.get(known.pubkey)
            if one is not None and (digest := profile_digest(one.agent, one.owner)) != known.digest:
                await self._renew(one, digest)
        now = self._clock.utc_ms()
        due = [
            one
            for one in await read(self._database, profiles.list_profiles)
            if one.is_due(now) and one.pubkey in signable
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._attempt(one)) for one in due]
        return sum(task.result() for task in tasks)

    async def _renew(self, one: SignableProfile, digest: str) -> None:
        """Sign the profile as it is now for every relay that has another; log what prevents it."""
        pubkey = one.agent.pubkey
        if self._not_before_s.get(pubkey, 0.0) > self._clock.monotonic_s():
            return
        known = await read(self._database, lambda session: profiles.list_profiles(session, pubkey))
        same = next((each.event for each in known if each.digest == digest), None)
        try:
            event = same or await self._sign(one, known)
        except AgentVoiceError as error:
            self._not_before_s[pubkey] = self._clock.monotonic_s() + UNSIGNED_RETRY_S
            log.warning("profile_not_signed", agent=one.agent.slug, error=str(error))
            return
        now = self._clock.utc_ms()
        await write(self._database, lambda session: profiles.renew_profile(session, digest, event, now))

    async def _sign(self, one: SignableProfile, known: tuple[ProfileDelivery, ...]) -> SignedEvent:
        before = max((each.event.created_at for each in known if each.event is not None), default=0)
        created_at = max(self._clock.utc_ms() // MS_PER_S, before + 1)  # relays keep the newest
        signer = await self._load_signer(one.reference)
        return await signer.sign(build_profile(one.agent, one.owner, created_at))

    async def _attempt(self, found: ProfileDelivery) -> int:
        """Send a profile to its relay and record what became of it; return 1, or 0 if another does."""
        now = self._clock.utc_ms()
        if_we_die_at = next_attempt_at(1, now, 0.5, self._plan)
        is_ours = await write(
            self._database,
            lambda session: profiles.start_profile_attempt(
                session, found, self._owner_id, now, if_we_die_at, now + ATTEMPT_LOCK_MS
            ),
        )
        if not is_ours:
            return 0
        outcome, answer = await self._send(found)
        now, next_at = self._clock.utc_ms(), 0
        if outcome is DeliveryEvent.POSTPONED:
            next_at = next_attempt_at(found.attempts + 1, now, self._jitter(), self._plan)
            outcome = DeliveryEvent.EXPIRED if is_too_old(found.created_at, now, self._plan) else outcome
        await write(
            self._database,
            lambda session: profiles.record_profile_outcome(
                session, found, self._owner_id, outcome, answer, next_at
            ),
        )
        log.info("profile_sent", relay=public_address(found.relay), outcome=outcome.value, answer=answer)
        return 1

    async def _send(self, found: ProfileDelivery) -> tuple[DeliveryEvent, str]:
        assert found.event is not None  # is_due
        try:
            address = self._dial_address(found.relay)
            if await self._has_foreign(address, found.pubkey):
                return DeliveryEvent.REJECTED, FOREIGN
            answer = await self._relays.publish(address, found.event)
        except AgentVoiceError as error:
            return DeliveryEvent.POSTPONED, str(error)
        return _outcome(answer, len(encode_publish(found.event).encode())), answer.message

    async def _has_foreign(self, address: str, pubkey: str) -> bool:
        wanted: dict[str, object] = {"kinds": [KIND_PROFILE], "authors": [pubkey], "limit": STORED_PROFILES}
        events = await self._relays.fetch(address, [wanted])
        return any(
            event.kind == KIND_PROFILE
            and event.pubkey == pubkey
            and not self._find_forgery(event)
            and is_foreign_profile(event)
            for event in events[:STORED_PROFILES]
        )

    def _jitter(self) -> float:
        return int.from_bytes(self._clock.random_bytes(4), "big") / (1 << 32)


def _outcome(answer: RelayAnswer, event_bytes: int) -> DeliveryEvent:
    match judge_answer(answer, event_bytes):
        case Verdict.ACCEPTED:
            return DeliveryEvent.ACCEPTED
        case Verdict.REJECTED:
            return DeliveryEvent.REJECTED
        case Verdict.RETRY | Verdict.AUTH:
            return DeliveryEvent.POSTPONED
