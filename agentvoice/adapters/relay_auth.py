"""Who we have told a relay that we are, on one connection (NIP-42)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, Signer
from agentvoice.errors import TimedOut
from agentvoice.protocols.nostr.nip42 import build_auth_event

AUTH_ROUNDS = 2
"""Some relays send the challenge that counts only after they refused an answer to an older one."""

SendAuth = Callable[[SignedEvent], Awaitable[None]]
"""Send an AUTH event and wait, for a limited time, for what the relay says to it."""


class Authentication:
    """One round per pubkey serves all its events in flight; a relay that never has enough is given up."""

    def __init__(self, address: str, clock: Clock, timeout_s: float, send: SendAuth) -> None:
        self._address = address
        self._clock = clock
        self._timeout_s = timeout_s
        self._send = send
        self._challenge = ""
        self._answered_by: set[str] = set()
        self._challenged = asyncio.Event()
        self._turn = asyncio.Lock()
        self._rounds: Counter[str] = Counter()
        self._vain_rounds: Counter[str] = Counter()

    def take_challenge(self, challenge: str) -> None:
        """The relay asks; a later challenge replaces the one before, for everybody."""
        self._challenge = challenge
        self._answered_by.clear()
        self._challenged.set()

    def may_help(self, pubkey: str, seen_rounds: int) -> bool:
        """Whether the relay has asked, and since `seen_rounds` was told, is being told, or can be told
        that we are this pubkey.
        """
        is_told = pubkey in self._answered_by
        return bool(self._challenge) and (
            not is_told or self._rounds[pubkey] > seen_rounds or self._turn.locked()
        )

    def rounds(self, pubkey: str) -> int:
        """How often we have told the relay that we are this pubkey."""
        return self._rounds[pubkey]

    def note_accepted(self, pubkey: str) -> None:
        """The relay took an event of this pubkey: what was told it was enough."""
        self._vain_rounds.pop(pubkey, None)

    async def tell(self, signer: Signer, seen_rounds: int) -> bool:
        """Answer the newest challenge as the signer, unless somebody did since `seen_rounds`.

        Returns whether an event may now fare better: False when no challenge comes, or when the
        relay has asked again after AUTH_ROUNDS answers. Raises what the signer or the connection does.
        """
        pubkey = signer.pubkey
        async with self._turn:
            if self._rounds[pubkey] > seen_rounds:
                return True
            if self._vain_rounds[pubkey] >= AUTH_ROUNDS or not await self._find_challenge(pubkey):
                return False
            self._answered_by.add(pubkey)
            now_ms = self._clock.utc_ms()
            event = await signer.sign(build_auth_event(pubkey, self._address, self._challenge, now_ms))
            await self._send(event)
            self._rounds[pubkey] += 1
            self._vain_rounds[pubkey] += 1
            return True

    async def _find_challenge(self, pubkey: str) -> bool:
        """Wait for a challenge that this pubkey has not answered yet."""
        try:
            async with self._clock.deadline(self._timeout_s):
                while not self._challenge or pubkey in self._answered_by:
                    self._challenged.clear()
                    await self._challenged.wait()
        except TimedOut:
            self._vain_rounds[pubkey] = AUTH_ROUNDS  # the next event need not wait for it again
            return False
        return True
