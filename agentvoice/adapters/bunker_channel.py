"""Asking one bunker over its relays: a request goes to all of them, the first answer to it counts.

Answers are ephemeral: a relay keeps none of them. So we listen before we ask, and after a lost
connection what is still unanswered is asked again under the same id. Nobody listens any more when
nothing was asked for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.relay_words import show_address, show_words
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock
from agentvoice.core.redial import redial_wait_s
from agentvoice.core.secret import Secret
from agentvoice.errors import AgentVoiceError, RemoteProtocolError, SignerRefused, TimedOut
from agentvoice.protocols.nostr import nip46
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.protocols.nostr.nip46 import ApprovalWanted, BunkerLink, Denied, Done, Method

ID_BYTES = 16

LINGER_S = 30.0
"""How long we listen on after an answer: the next question may come soon."""

SILENCE_REST_S = 30.0
"""A bunker that answered nothing is not asked again for this long: one call waits for it, not each."""

MOST_WAITS = 10
"""A bunker that serves all others but one is slow at first, and then it passes that one over."""

LATEST = 1.0
"""Jitter of our waits: the longest, so that the dialler's own rest is over."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True, repr=False)
class _Question:
    """A request that waits for its answer."""

    text: Secret[str]
    event: SignedEvent
    answers_before: int
    answered: asyncio.Future[str]
    approval_url: str | None = None


@dataclass(slots=True)
class _Way:
    """One relay of the bunker: whether we listen there, and what went wrong there last."""

    relay: str
    is_open: bool = False
    was_open: bool = False
    failures: int = 0
    trouble: str = "not reached yet"


class BunkerChannel:
    """Requests to one bunker as one client. Any number may be asked at once; close it in the end."""

    def __init__(self, link: BunkerLink, relays: WebsocketRelays, clock: Clock) -> None:
        self.client = KeySigner(link.client.reveal())
        self.shown = f"bunker {encode_npub(link.address.pubkey)[:16]}…"
        self._address = link.address
        self._relays = relays
        self._clock = clock
        self._ways: list[_Way] = []
        self._listening: asyncio.Task[None] | None = None
        self._questions: dict[str, _Question] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._last_used_s = self._silent_until_s = 0.0
        self._answers = self._served = 0
        self._unreadable_answers = 0

    async def ask(self, method: Method, *parameters: str, timeout_s: float) -> str:
        """Return the bunker's result.

        Raises SignerRefused with its words, TimedOut after `timeout_s` in which it answered nothing
        (at once while it rests after such a silence), or LocalProtocolError if the request is too long.
        """
        now_s = self._clock.monotonic_s()
        if now_s < self._silent_until_s:
            left_s = self._silent_until_s - now_s
            raise TimedOut(f"{self.shown}: did not answer lately (not asked again for {left_s:.0f} s)")
        request_id = self._clock.random_bytes(ID_BYTES).hex()
        text = Secret(nip46.encode_request(request_id, method, parameters))
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        question = _Question(text, await self._seal(text), self._answers, answered)
        self._questions[request_id] = question
        try:
            self._send([question], [way for way in self._ways if way.is_open])
            self._listen()
            return await self._wait(question, timeout_s)
        except TimedOut:
            if self._answers == question.answers_before:
                self._silent_until_s = self._clock.monotonic_s() + SILENCE_REST_S
            raise TimedOut(self._explain(question, timeout_s)) from None
        finally:
            del self._questions[request_id]
            self._last_used_s = self._clock.monotonic_s()

    async def close(self) -> None:
        """Stop listening and sending; nothing may be asked any more."""
        await _end(*self._errands, *([self._listening] if self._listening else []))

    async def _wait(self, question: _Question, timeout_s: float) -> str:
        """Wait for the answer; the time begins anew when others were answered: one may be served at a time."""
        for _ in range(MOST_WAITS):
            served_before = self._served
            try:
                async with self._clock.deadline(timeout_s):
                    await asyncio.wait([question.answered])  # unlike await, leaves it to be waited for again
                return question.answered.result()
            except TimedOut:
                if self._served == served_before:
                    raise
        raise TimedOut(f"{self.shown}: others were answered, this was not")

    def _listen(self) -> None:
        if self._listening is None:
            self._ways = [_Way(relay) for relay in self._address.relays]
            self._listening = asyncio.create_task(self._listen_until_idle(), name=f"{self.shown} listening")

    async def _listen_until_idle(self) -> None:
        attending = [asyncio.create_task(self._attend(way), name=f"at {way.relay}") for way in self._ways]
        try:
            while self._questions or self._clock.monotonic_s() < self._last_used_s + LINGER_S:
                await self._clock.sleep_until(
                    max(self._last_used_s + LINGER_S, self._clock.monotonic_s() + 1.0)
                )
        finally:
            self._listening, self._ways = None, []  # before anything is awaited: who asks now begins anew
            await _end(*attending)

    async def _attend(self, way: _Way) -> None:
        """Listen at one relay, and again after each break."""
        while True:
            try:
                await self._hear(way)
            except AgentVoiceError as error:
                way.trouble = str(error)
            way.failures += 1
            wait_s = redial_wait_s(way.failures, LATEST)
            await self._clock.sleep_until(self._clock.monotonic_s() + wait_s)

    async def _hear(self, way: _Way) -> None:
        wanted = nip46.build_filter(self.client.pubkey, self._address.pubkey)
        async with self._relays.listen(way.relay, [wanted]) as events:
            is_only_way = not any(other.is_open for other in self._ways)
            if way.was_open and is_only_way:  # an answer may be lost; an event seen before is passed over
                for question in tuple(self._questions.values()):
                    question.event = await self._seal(question.text)
            way.is_open = way.was_open = True
            way.trouble = ""
            try:
                self._send(self._questions.values(), [way])
                async for event in events:
                    way.failures = 0
                    await self._take(event)
            finally:
                way.is_open = False

    async def _seal(self, text: Secret[str]) -> SignedEvent:
        payload = await self.client.encrypt(self._address.pubkey, text.reveal())
        now = self._clock.utc_ms()
        return await self.client.sign(
            nip46.build_request(self.client.pubkey, self._address.pubkey, payload, now)
        )

    def _send(self, questions: Iterable[_Question], ways: Iterable[_Way]) -> None:
        # Beside the wait for the answer: that may come before the relay's OK, and giving up on an OK
        # costs the connection.
        for way in ways:
            for question in questions:
                errand = asyncio.create_task(self._publish(way, question.event), name=f"{self.shown} asking")
                self._errands.add(errand)
                errand.add_done_callback(self._errands.discard)

    async def _publish(self, way: _Way, event: SignedEvent) -> None:
        try:
            answer = await self._relays.publish(way.relay, event)
        except AgentVoiceError as error:
            way.trouble = str(error)
            return
        if not answer.accepted:
            way.trouble = f"{show_address(way.relay)}: refused the request: {show_words(answer.message)}"

    async def _take(self, event: SignedEvent) -> None:
        """Give an answer to who waits for it; what is not this bunker's is passed over."""
        if event.kind != nip46.KIND or event.pubkey != self._address.pubkey or find_forgery(event):
            return
        try:
            response = nip46.decode_response(await self.client.decrypt(event.pubkey, event.content))
        except RemoteProtocolError as error:
            self._unreadable_answers += 1
            if self._unreadable_answers == 1:  # once: a broken bunker must not fill the log
                _log.warning("bunker_answer_unreadable", bunker=self.shown, error=str(error))
            return
        self._answers += 1
        self._silent_until_s = 0.0
        question = self._questions.get(response.id)
        if question is None or question.answered.done():  # an answer that came twice, or too late
            return
        if not isinstance(response, ApprovalWanted):
            self._served += 1
        match response:
            case Done():
                question.answered.set_result(response.result)
            case Denied():
                refused = SignerRefused(f"{self.shown}: refused: {response.words}")
                question.answered.set_exception(refused)
                question.answered.exception()  # marks it as seen: its waiter may have given up meanwhile
            case ApprovalWanted():
                question.approval_url = response.url
                _log.warning(
                    "bunker_wants_approval", bunker=self.shown, open=response.url or "an address it hides"
                )

    def _explain(self, question: _Question, timeout_s: float) -> str:
        if question.approval_url is not None:
            place = f"open {question.approval_url}" if question.approval_url else "its page"
            return f"{self.shown}: wants its owner's approval first: {place}, then try again"
        troubles = "; ".join(way.trouble for way in self._ways if way.trouble)
        reason = troubles or "its relays are reached, but it is not there: is it running?"
        return f"{self.shown}: no answer within {timeout_s:g} s: {reason}"


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
