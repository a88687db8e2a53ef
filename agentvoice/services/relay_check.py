"""Whether a relay can be used: reached, asked, and, when wished, written to; and what to do if not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import Clock, RelayAnswer, Relays, Signer
from agentvoice.core.relay_limits import RelayLimits, find_excess
from agentvoice.errors import AgentVoiceError, RelayRejected
from agentvoice.protocols.nostr.answers import Verdict, answer_prefix, judge_answer
from agentvoice.protocols.nostr.nip01 import KIND_TEXT_NOTE, encode_publish
from agentvoice.protocols.nostr.nip11 import RelayDocument

KIND_DELETION = 5
"""NIP-09."""

TEST_LIFETIME_S = 600
"""The test event is deleted at once; a relay that does not may forget it after this (NIP-40)."""

TEST_TEXT = "agentvoice relay check: a test that may be deleted."
NO_EVENT = "0" * 64
MS_PER_S = 1_000

ReadDocument = Callable[[str], Awaitable[RelayDocument]]
"""Read what a relay says of itself (NIP-11); raises an AgentVoiceError."""

FindForgery = Callable[[SignedEvent], str]

_ADVICE = {
    "auth-required": "it wants to know the author (NIP-42): try --key NPUB with a key that it knows",
    "rate-limited": "it takes few events at a time: deliveries slow down by themselves, or choose another",
    "pow": "it wants proof of work: choose another relay",
    "restricted": "it takes events of some authors only: ask its operator, or try --key NPUB",
    "blocked": "it does not take events of this author or from this address: ask its operator",
    "too-large": "it takes smaller events only",
    "notice": "it answered in words instead of OK: deliveries to it are tried again",
    "error": "it has trouble of its own: try again later",
}
_OTHER_ADVICE = "these are the relay's own words: ask its operator, or choose another relay"
_UNREACHABLE_ADVICE = "check the address, the network and whether the relay runs; deliveries wait for it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried; `advice` says what to do when it failed, or what to know."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


@dataclass(slots=True)
class RelayReport:
    """What was found out about one relay."""

    relay: str
    document: RelayDocument | None = None
    connect_ms: int | None = None
    """Until the first answer, less the time of the second: dialling, TLS and the handshake."""
    request_ms: int | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything that was tried went well."""
        return all(finding.ok for finding in self.findings)


class RelayCheck:
    """Checks relays, one or many at a time. `signer` signs the test event, if one is wanted."""

    def __init__(
        self,
        relays: Relays,
        read_document: ReadDocument,
        find_forgery: FindForgery,
        clock: Clock,
        signer: Signer | None,
    ) -> None:
        self._relays = relays
        self._read_document = read_document
        self._find_forgery = find_forgery
        self._clock = clock
        self._signer = signer

    async def check(self, relay: str) -> RelayReport:
        """Return what there is to know about the relay; whatever fails is a finding, not an error."""
        report = RelayReport(relay)
        try:
            first_ms, refusal = await self._ask(relay)
            second_ms, refusal = await self._ask(relay)
        except AgentVoiceError as error:
            report.findings.append(Finding("reachable", False, str(error), _UNREACHABLE_ADVICE))
            return report
        report.connect_ms, report.request_ms = max(0, first_ms - second_ms), second_ms
        report.findings.append(
            Finding("reachable", True, f"connects in {report.connect_ms} ms, answers in {second_ms} ms")
        )
        if refusal:
            advice = "threads can be sent, but not read back as anybody"
            report.findings.append(Finding("reading", True, refusal, advice))
        await self._look_at_document(report)
        if self._signer is not None:
            limits = report.document.limits if report.document else RelayLimits()
            await self._write(report, self._signer, limits)
        return report

    async def _ask(self, relay: str) -> tuple[int, str]:
        """Ask for an event that does not exist; return how long it took, and why it was refused."""
        began_s = self._clock.monotonic_s()
        refusal = ""
        try:
            await self._relays.fetch(relay, [{"ids": [NO_EVENT], "limit": 1}])
        except RelayRejected as error:
            refusal = str(error)
        return round((self._clock.monotonic_s() - began_s) * MS_PER_S), refusal

    async def _look_at_document(self, report: RelayReport) -> None:
        try:
            report.document = await self._read_document(report.relay)
        except AgentVoiceError as error:
            advice = "nothing is wrong with that: its limits show when events are sent"
            report.findings.append(Finding("document", True, str(error), advice))
            return
        document = report.document
        names = [document.name or "no name", document.software or "unknown software"]
        report.findings.append(Finding("document", True, ", ".join(names)))
        report.findings += [
            Finding("limits", True, detail, advice) for detail, advice in _limits(document.limits)
        ]

    async def _write(self, report: RelayReport, signer: Signer, limits: RelayLimits) -> None:
        now_s = self._clock.utc_ms() // MS_PER_S
        tags = (("expiration", str(now_s + TEST_LIFETIME_S)),)
        event = await signer.sign(UnsignedEvent(signer.pubkey, now_s, KIND_TEXT_NOTE, tags, TEST_TEXT))
        excess = find_excess(limits, event, len(encode_publish(event).encode()), now_s)
        if excess:
            report.findings.append(Finding("write", False, excess, "choose another relay"))
            return
        try:
            if await self._publish(report, "write", event):
                await self._read_back(report, event)
                named = (("e", event.id), ("k", str(KIND_TEXT_NOTE)))
                unsigned = UnsignedEvent(signer.pubkey, now_s, KIND_DELETION, named, "")
                await self._publish(report, "deletion", await signer.sign(unsigned))
        except AgentVoiceError as error:
            report.findings.append(Finding("write", False, str(error), _UNREACHABLE_ADVICE))

    async def _publish(self, report: RelayReport, name: str, event: SignedEvent) -> bool:
        answer = await self._relays.publish(report.relay, event)
        is_accepted = judge_answer(answer, len(encode_publish(event))) is Verdict.ACCEPTED
        detail = answer.message or ("accepted" if is_accepted else "refused without a word")
        report.findings.append(Finding(name, is_accepted, detail, "" if is_accepted else advise(answer)))
        return is_accepted

    async def _read_back(self, report: RelayReport, event: SignedEvent) -> None:
        try:
            found = await self._relays.fetch(report.relay, [{"ids": [event.id]}])
        except RelayRejected as error:
            advice = "the relay does not show what it took; whether threads are kept cannot be proved"
            report.findings.append(Finding("read back", False, str(error), advice))
            return
        if event not in found:
            advice = "it said it took the event and does not have it: do not rely on this relay"
            report.findings.append(Finding("read back", False, "the event is not there", advice))
            return
        forgery = self._find_forgery(event)
        report.findings.append(
            Finding("read back", not forgery, forgery or "the same event, its signature holds")
        )


def advise(answer: RelayAnswer) -> str:
    """Return what to do after a refusal."""
    return _ADVICE.get(answer_prefix(answer.message), _OTHER_ADVICE)


def _limits(limits: RelayLimits) -> list[tuple[str, str]]:
    """Return the limits that are said, each with what it means for threads."""
    numbers = (
        ("bytes a message", limits.max_message_bytes, "larger events are not sent to it"),
        ("characters an event", limits.max_content_chars, "longer turns are not sent to it"),
        ("tags an event", limits.max_event_tags, "events with more are not sent to it"),
        ("bits of proof of work", limits.min_pow_bits, "events without are not sent to it"),
        ("s into the past", limits.created_at_lower_limit_s, "older calls are not sent to it"),
        ("s into the future", limits.created_at_upper_limit_s, "keep this machine's clock right"),
    )
    facts = (
        ("wants to know the author", limits.auth_required, "it is told, by NIP-42, when an event is sent"),
        ("wants to be paid", limits.payment_required, "without payment it refuses; ask its operator"),
        ("takes events of some authors only", limits.restricted_writes, "ask its operator"),
    )
    said = [(f"{number} {unit}", advice) for unit, number, advice in numbers if number is not None]
    return said + [(fact, advice) for fact, holds, advice in facts if holds]
