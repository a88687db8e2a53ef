"""What the demo found, judged and shown: it passes only if all of it holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agentvoice.cli.output import one_line
from agentvoice.core.leg import CallUpdate, HandoverTimed, TurnTimed
from agentvoice.protocols.documents import CallDocument, ItemDocument
from agentvoice.services.thread_check import ThreadCheck


@dataclass
class Timings:
    """The times a call showed; give it the call's updates."""

    turns: list[TurnTimed] = field(default_factory=list)
    handovers: list[HandoverTimed] = field(default_factory=list)

    def note(self, update: CallUpdate) -> None:
        """Keep the update if it is a time."""
        if isinstance(update, TurnTimed):
            self.turns.append(update)
        elif isinstance(update, HandoverTimed):
            self.handovers.append(update)


class HandoverDocument(msgspec.Struct):
    """A handover; `from` is a keyword in Python only."""

    from_agent: str = msgspec.field(name="from")
    to_agent: str = msgspec.field(name="to")
    ms: int


class TurnDocument(msgspec.Struct):
    """A turn's voice-to-voice time, end-pointing included."""

    agent: str
    voice_to_voice_ms: int


class DemoDocument(CallDocument, kw_only=True):
    """The call's document, and what the demo adds (docs/reference/documents.md)."""

    verified: bool
    signers: list[str]
    handovers: list[HandoverDocument]
    turns: list[TurnDocument]
    relay: str
    recording: str
    problems: list[str]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """All that the demo saw."""

    call: CallDocument
    timings: Timings
    check: ThreadCheck | None
    relay: str
    recording: str
    failure: str
    """Why there is no check, or the call failed."""


def find_problems(result: DemoResult, wanted_signers: dict[str, str]) -> list[str]:
    """Return what does not hold, one line each; `wanted_signers` is the agents' npub by slug."""
    problems = [result.failure] if result.failure else []
    messages = [item for item in result.call.items if item.kind == "message" and item.text]
    if not any(item.role == "user" for item in messages):
        problems.append("nobody was heard: the recording has no speech that was understood")
    if not result.timings.handovers:
        problems.append("nobody asked for the other agent: there was no handover")
    spoke = {item.agent for item in messages if item.role == "agent"}
    problems += [f"{slug} never spoke" for slug in wanted_signers if slug not in spoke]
    problems += [f"nobody answered: {one_line(text, 60)}" for text in _unanswered(messages)]
    if result.check is not None:
        problems += result.check.problems
    signed_by = {event.signer for event in result.call.publication.events}
    problems += [f"{slug} signed nothing" for slug, npub in wanted_signers.items() if npub not in signed_by]
    if result.call.publication.state != "published":
        problems.append(f"the thread is {result.call.publication.state}, not published")
    return problems


def _unanswered(messages: list[ItemDocument]) -> list[str]:
    """Return the caller's turns that no word of an agent follows before the caller's next."""
    after = [*messages[1:], None]
    return [
        item.text
        for item, follower in zip(messages, after, strict=True)
        if item.role == "user" and (follower is None or follower.role == "user")
    ]


def demo_document(result: DemoResult, problems: list[str]) -> DemoDocument:
    """Return the document of `demo --json`."""
    call = {name: getattr(result.call, name) for name in result.call.__struct_fields__}
    signers = list(dict.fromkeys(event.signer for event in result.call.publication.events))
    return DemoDocument(
        **call,
        verified=result.check is not None and result.check.is_verified,
        signers=signers,
        handovers=[
            HandoverDocument(from_agent=one.from_agent, to_agent=one.to_agent, ms=one.duration_ms)
            for one in result.timings.handovers
        ],
        turns=[
            TurnDocument(agent=one.agent, voice_to_voice_ms=one.voice_to_voice_ms)
            for one in result.timings.turns
        ],
        relay=result.relay,
        recording=result.recording,
        problems=problems,
    )


def describe_demo(document: DemoDocument, names: dict[str, str]) -> str:
    """Return the report for people; `names` gives each signer's name by npub."""
    verdict = "read back from the relay; every id and signature holds" if document.verified else "NO"
    link = f"nostr:{document.publication.nevent}" if document.publication.nevent else "none"
    lines = ["", *_thread_lines(document, names), ""]
    lines += _time_lines(document)
    lines += [
        f"cost       {document.cost_usd} USD",
        f"relay      {document.relay}",
        f"recording  {document.recording}",
        f"link       {link}",
        f"verified   {verdict}",
    ]
    lines += [f"problem    {problem}" for problem in document.problems]
    return "\n".join(lines)


def _thread_lines(document: DemoDocument, names: dict[str, str]) -> list[str]:
    """Draw the thread: the root, then each turn under it with signer and relay's answer."""
    texts = _texts_by_position(document)
    lines = []
    for event in document.publication.events:
        branch = "thread" if event.position == 0 else "  ├─"
        if event.position and event is document.publication.events[-1]:
            branch = "  └─"
        answers = ", ".join(delivery.state for delivery in event.deliveries)
        signer = f"{names.get(event.signer, 'somebody')} {event.signer[:12]}…"
        lines.append(f"{branch} {event.id[:8]}  signed by {signer}  {answers}")
        if event.position in texts:
            bar = "     " if event is document.publication.events[-1] else "  │  "
            lines.append(f"{bar} {one_line(texts[event.position], 88)}")
    return lines or ["no thread"]


def _texts_by_position(document: DemoDocument) -> dict[int, str]:
    """Return what each reply of the thread says: consecutive turns of a speaker are one."""
    turns: list[tuple[tuple[str, str], str]] = []
    for item in document.items:
        if item.kind != "message" or not item.text:
            continue
        speaker = ("user", "") if item.role == "user" else (item.role, item.agent)
        if turns and turns[-1][0] == speaker:
            turns[-1] = (speaker, f"{turns[-1][1]} {item.text}")
        else:
            turns.append((speaker, item.text))
    return {number: text for number, (_, text) in enumerate(turns, start=1)}


def _time_lines(document: DemoDocument) -> list[str]:
    turns = ", ".join(f"{turn.agent} {turn.voice_to_voice_ms} ms" for turn in document.turns)
    handovers = ", ".join(f"{one.from_agent} to {one.to_agent} {one.ms} ms" for one in document.handovers)
    return [
        f"replies    {turns or 'none'} (end of speech to first sound)",
        f"handover   {handovers or 'none'}",
    ]
