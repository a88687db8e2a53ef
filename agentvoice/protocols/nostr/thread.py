"""The thread of a finished call: which events, by whom, with which tags and times.

Everything here is decided before anything is signed: ids follow from the fields alone, so replies
can name their parents. The same call, signers and time always give the same events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentvoice.core.event import Tags, UnsignedEvent
from agentvoice.core.project import (
    EMBEDDED_RELAY,
    MAX_TITLE_CHARS,
    Project,
    ThreadShape,
    public_address,
)
from agentvoice.protocols.nostr.clean import NOTE_LIMIT, TextLimit, clean_tag_value, split_text
from agentvoice.protocols.nostr.nip01 import KIND_TEXT_NOTE, event_id
from agentvoice.protocols.nostr.nip10 import build_reply_tags
from agentvoice.protocols.nostr.nip40 import expires_at_s
from agentvoice.protocols.nostr.nip70 import PROTECTED
from agentvoice.protocols.nostr.turns import CALLER, Turn

TOPIC = "voice-conversation"
CALLER_NAME = "Caller"


@dataclass(frozen=True, slots=True)
class Speaker:
    """An agent that took part: its name for readers, its hex public key (empty: it has no key)."""

    slug: str
    name: str
    pubkey: str


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """What a thread is built from. Times are UTC ms; `agents` are in the order they joined.

    `is_edited`: an operator changed a turn or left one out; `head_redacted`: kinds of rules that took
    something out of the title or a name.
    """

    call_id: str
    project: Project
    agents: tuple[Speaker, ...]
    turns: tuple[Turn, ...]
    started_at: int
    ended_at: int
    is_edited: bool = False
    head_redacted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThreadSigners:
    """Who signs what, as hex public keys; `caller_is_marked`: another's key signs the person's turns."""

    root: str
    caller: str
    caller_is_marked: bool
    agents: Mapping[str, str]


def choose_signers(project: Project, agents: Sequence[Speaker], held: frozenset[str]) -> ThreadSigners:
    """Return who signs, given the public keys whose signers we hold.

    The root: the project's key if held, else the call's first agent. The person's turns: the
    person's own key if configured and held, else as the root. An agent without a held key is left
    out of `agents`, and a root nobody can sign is empty: never sign as somebody without their signer.
    """
    by_slug = {agent.slug: agent.pubkey for agent in agents if agent.pubkey in held}
    first = by_slug.get(agents[0].slug, "") if agents else ""
    root = project.pubkey if project.pubkey in held else first
    if project.caller_pubkey and project.caller_pubkey in held:
        return ThreadSigners(root, project.caller_pubkey, False, by_slug)
    return ThreadSigners(root, root, root != project.pubkey, by_slug)


def find_unsignable(call: FinishedCall, signers: ThreadSigners) -> tuple[str, ...]:
    """Return what cannot be signed (`the root`, or agent slugs), in order; empty: all can."""
    missing = [] if signers.root else ["the root"]
    if call.project.shape is ThreadShape.THREAD:
        spoke = dict.fromkeys(turn.speaker for turn in call.turns)
        missing += [slug for slug in spoke if slug != CALLER and slug not in signers.agents]
    return tuple(missing)


def date_events(times_ms: Sequence[int], now_ms: int) -> tuple[int, ...]:
    """Return `created_at` (Unix seconds) of events in order, from when each happened.

    Backwards: the last is min(now, its time), each earlier min(its time, next − 1). So they rise
    strictly, none lies in the future, and readers that sort by time show the order of speech.
    """
    dated: list[int] = []
    latest = now_ms // 1_000
    for time_ms in reversed(times_ms):
        created_at = min(time_ms // 1_000, latest)
        dated.append(created_at)
        latest = created_at - 1
    return tuple(reversed(dated))


def build_thread(
    call: FinishedCall, signers: ThreadSigners, now_ms: int, limit: TextLimit = NOTE_LIMIT
) -> tuple[UnsignedEvent, ...]:
    """Return the thread's unsigned events, root first; none if nothing was said.

    Every `pubkey` is one of `signers`; find_unsignable must have found nothing. Texts are split so
    that each fits into `limit`.
    """
    turns = call.turns
    if not turns:
        return ()
    if call.project.shape is ThreadShape.SINGLE:
        drafts = _single_drafts(call, signers, limit)
    else:
        drafts = _turn_drafts(call, turns, signers, limit)
    dates = date_events([draft.time_ms for draft in drafts], now_ms)
    return _link(call.project, drafts, dates, common_tags(call))


def transcript_notes(call: FinishedCall, limit: TextLimit) -> tuple[str, ...]:
    """Return the head and every turn after its speaker's name, in as few texts as fit into `limit`."""
    return tuple(text for text, _ in _transcript(call, limit))


@dataclass(frozen=True, slots=True)
class _Draft:
    """An event before it is linked and dated."""

    pubkey: str
    content: str
    time_ms: int
    marks: Tags = ()


def _turn_drafts(
    call: FinishedCall, turns: Sequence[Turn], signers: ThreadSigners, limit: TextLimit
) -> list[_Draft]:
    drafts = [_Draft(signers.root, _head(call, turns), call.started_at, _root_marks(call))]
    for turn in turns:
        is_caller = turn.speaker == CALLER
        pubkey = signers.caller if is_caller else signers.agents[turn.speaker]
        marks = _marks(turn.is_edited, turn.redacted)
        if is_caller and signers.caller_is_marked:
            marks = (("speaker", "user"), *marks)
        drafts += [
            _Draft(pubkey, piece, turn.began_at or call.started_at, marks)
            for piece in split_text(turn.text, limit)
        ]
    return drafts


def _single_drafts(call: FinishedCall, signers: ThreadSigners, limit: TextLimit) -> list[_Draft]:
    notes = _transcript(call, limit)
    # The transcript is one text of one time: its continuations follow the end of the call.
    times_ms = [call.started_at] + [call.ended_at] * (len(notes) - 1)
    return [
        _Draft(signers.root, text, time_ms, marks)
        for (text, marks), time_ms in zip(notes, times_ms, strict=True)
    ]


def _transcript(call: FinishedCall, limit: TextLimit) -> list[tuple[str, Tags]]:
    names = _names(call)
    notes = [(_head(call, call.turns), _root_marks(call))]
    for turn in call.turns:
        prefix = f"{names[turn.speaker]}: "
        marks = _marks(turn.is_edited, turn.redacted)
        for piece in split_text(turn.text, limit.less(prefix)):
            text, before = notes[-1]
            joined = f"{text}\n\n{prefix}{piece}"
            if limit.fits(joined):
                notes[-1] = (joined, _join_marks(before, marks))
            else:
                notes.append((prefix + piece, marks))
    return notes


def _link(
    project: Project, drafts: Sequence[_Draft], dates: Sequence[int], common: Tags
) -> tuple[UnsignedEvent, ...]:
    """Return the events, each naming its root and parent, which therefore come first."""
    hint = next((public_address(relay) for relay in project.relays if relay != EMBEDDED_RELAY), "")
    events: list[UnsignedEvent] = []
    ids: list[str] = []
    for draft, created_at in zip(drafts, dates, strict=True):
        tags = common
        if events:
            parent = len(events) - 1 if project.chained else 0
            tags += build_reply_tags(
                ids[0],
                events[0].pubkey,
                parent_id=ids[parent],
                parent_pubkey=events[parent].pubkey,
                relay_hint=hint,
            )
            if project.full_p_tags:
                tags += _author_tags(events[parent])
        else:
            tags += (("subject", subject_of(project)),)
        event = UnsignedEvent(draft.pubkey, created_at, KIND_TEXT_NOTE, tags + draft.marks, draft.content)
        events.append(event)
        ids.append(event_id(event))
    return tuple(events)


def common_tags(call: FinishedCall) -> Tags:
    """Return the tags of every event of a call."""
    tags: Tags = (("t", TOPIC), ("p", call.project.pubkey), ("realtime-session", call.call_id))
    if call.project.address:
        tags += (("a", clean_tag_value(call.project.address)),)
    if call.project.voice_tag:
        tags += (("mode", "voice"),)
    if call.project.expiration_days:
        tags += (("expiration", str(expires_at_s(call.ended_at, call.project.expiration_days))),)
    if call.project.protected:
        tags += (PROTECTED,)
    return tags


def _marks(is_edited: bool, redacted: Sequence[str]) -> Tags:
    """Return the tags that tell readers that an event does not say what was said."""
    marks: Tags = (("edited", "operator"),) if is_edited else ()
    return (*marks, ("redacted", *redacted)) if redacted else marks


def _root_marks(call: FinishedCall) -> Tags:
    return _marks(call.is_edited, call.head_redacted)


def _join_marks(first: Tags, second: Tags) -> Tags:
    values = {tag[0]: tag[1:] for tag in first}
    for name, *kinds in second:
        values[name] = tuple(dict.fromkeys((*values.get(name, ()), *kinds)))
    return tuple((name, *kinds) for name, kinds in values.items())


def _author_tags(parent: UnsignedEvent) -> Tags:
    """NIP-10: a reply p-tags its parent's author and all whom the parent p-tags, the project not twice."""
    named = [tag[1] for tag in parent.tags if tag[0] == "p"]
    project_pubkey, *others = dict.fromkeys([*named, parent.pubkey])
    return tuple(("p", pubkey) for pubkey in others if pubkey != project_pubkey)


def subject_of(project: Project) -> str:
    """Return the title of a thread (NIP-14)."""
    return clean_tag_value(project.title)[:MAX_TITLE_CHARS] or project.slug


def _names(call: FinishedCall) -> dict[str, str]:
    names = {agent.slug: clean_tag_value(agent.name) or agent.slug for agent in call.agents}
    spoke = {turn.speaker: turn.speaker for turn in call.turns}
    return spoke | names | {CALLER: CALLER_NAME}


def _head(call: FinishedCall, turns: Sequence[Turn]) -> str:
    names = _names(call)
    speakers = [names[speaker] for speaker in dict.fromkeys(turn.speaker for turn in turns)]
    listed = speakers[0] if len(speakers) == 1 else f"{', '.join(speakers[:-1])} and {speakers[-1]}"
    edited = ", edited" if call.is_edited else ""
    return f"Voice conversation: {listed}, {_duration(call.ended_at - call.started_at)}{edited}."


def _duration(duration_ms: int) -> str:
    minutes, seconds = divmod(max(1, round(duration_ms / 1_000)), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
