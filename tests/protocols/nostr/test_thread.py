from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.event import UnsignedEvent
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import EMBEDDED_RELAY, Project, ThreadShape
from agentvoice.protocols.nostr.nip01 import event_id
from agentvoice.protocols.nostr.thread import (
    FinishedCall,
    Speaker,
    ThreadSigners,
    build_thread,
    choose_signers,
    date_events,
    find_unsignable,
)
from agentvoice.protocols.nostr.turns import CALLER, merge_turns

PROJECT, CALLER_KEY, ADA, MAX = "1" * 64, "2" * 64, "3" * 64, "4" * 64
START = 1_700_000_000_000
NOW = START + 600_000
AGENTS = (Speaker("ada", "Ada", ADA), Speaker("max", "Max", MAX))
ALL_HELD = frozenset({PROJECT, CALLER_KEY, ADA, MAX})
A_PROJECT = Project("home", "Home automation", PROJECT)


def message(position: int, speaker: str, text: str, **changes: object) -> Item:
    role = Role.USER if speaker == CALLER else Role.AGENT
    item = Item(
        f"{position:032x}", position, ItemKind.MESSAGE, role, speaker or "ada", text, ItemStatus.COMPLETED
    )
    item = replace(item, started_at=START + position * 10_000, completed_at=START + position * 10_000 + 5_000)
    return replace(item, **changes)  # type: ignore[arg-type]  # fields of Item, by name


ITEMS = (
    message(1, "ada", "Hello, Ada here."),
    message(2, CALLER, "What is the weather?"),
    message(3, CALLER, "In Vienna, I mean."),
    message(4, "ada", "Sunny. I hand over to Max."),
    replace(message(5, "ada", "ada to max"), kind=ItemKind.HANDOVER),
    message(6, "max", "Max here."),
    message(7, CALLER, "Bye."),
)


def call(project: Project = A_PROJECT, items: tuple[Item, ...] = ITEMS) -> FinishedCall:
    return FinishedCall("0190" * 8, project, AGENTS, merge_turns(items), START, START + 125_000)


def build(project: Project = A_PROJECT, held: frozenset[str] = ALL_HELD, **changes: object):
    finished = replace(call(project), **changes)  # type: ignore[arg-type]  # fields of FinishedCall, by name
    signers = choose_signers(project, AGENTS, held)
    assert find_unsignable(finished, signers) == ()
    return build_thread(finished, signers, NOW)


def tags_named(event: UnsignedEvent, name: str) -> list[tuple[str, ...]]:
    return [tag for tag in event.tags if tag[0] == name]


def test_a_flat_thread_exactly():
    """Head and one reply per turn, each with the design's tags, the root's subject, NIP-10 roots."""
    root, *replies = build()
    common = (("t", "voice-conversation"), ("p", PROJECT), ("realtime-session", "0190" * 8))
    assert root.tags == (*common, ("subject", "Home automation"))
    assert root.content == "Voice conversation: Ada, Caller and Max, 2 min 5 s."
    reply_tags = (*common, ("e", event_id(root), "", "root", PROJECT))
    assert [event.tags for event in replies] == [reply_tags] * 5
    assert [(event.pubkey, event.content) for event in replies] == [
        (ADA, "Hello, Ada here."),
        (PROJECT, "What is the weather?\nIn Vienna, I mean."),
        (ADA, "Sunny. I hand over to Max."),
        (MAX, "Max here."),
        (PROJECT, "Bye."),
    ]
    assert {event.kind for event in (root, *replies)} == {1}


def test_times_are_when_each_turn_began():
    """`created_at` is the turn's own second when nothing forces it back."""
    assert [event.created_at - START // 1_000 for event in build()] == [0, 10, 20, 40, 60, 70]


def test_a_chained_thread():
    """Each reply answers the one before; the first has the root marker only."""
    events = build(replace(A_PROJECT, chained=True))
    ids = [event_id(event) for event in events]
    assert tags_named(events[1], "e") == [("e", ids[0], "", "root", PROJECT)]
    for index in range(2, len(events)):
        assert tags_named(events[index], "e") == [
            ("e", ids[0], "", "root", PROJECT),
            ("e", ids[index - 1], "", "reply", events[index - 1].pubkey),
        ]


def test_the_relay_hint_is_one_that_others_can_reach():
    """The embedded relay is no hint; the project's first outside relay is, without what lets us in."""
    events = build(replace(A_PROJECT, relays=(EMBEDDED_RELAY, "wss://r.example?token=abc")))
    assert tags_named(events[1], "e")[0][2] == "wss://r.example"


def test_optional_tags():
    """A project may add its address, the voice mode and NIP-10's p tags of authors."""
    project = replace(A_PROJECT, address="31933:abc:home", voice_tag=True, full_p_tags=True, chained=True)
    events = build(project, frozenset({ADA, MAX}))
    assert all(("a", "31933:abc:home") in event.tags and ("mode", "voice") in event.tags for event in events)
    assert tags_named(events[0], "p") == [("p", PROJECT)]
    assert tags_named(events[1], "p") == [("p", PROJECT), ("p", ADA)]
    assert tags_named(events[-1], "p") == [("p", PROJECT), ("p", ADA), ("p", MAX)]


def test_agents_are_not_p_tagged_by_default():
    """In some clients a p tag wakes an agent, so only the project is named."""
    assert all(tags_named(event, "p") == [("p", PROJECT)] for event in build())


def test_the_person_is_marked_when_an_agent_signs_for_them():
    """Without a key of the person or project, the first agent signs and the turn says who spoke."""
    events = build(held=frozenset({ADA, MAX}))
    assert [event.pubkey for event in events] == [ADA, ADA, ADA, ADA, MAX, ADA]
    marked = [("speaker", "user") in event.tags for event in events]
    assert marked == [False, False, True, False, False, True]


@pytest.mark.parametrize(
    ("project_held", "caller_set", "caller_held", "root", "caller", "marked"),
    [
        (True, True, True, PROJECT, CALLER_KEY, False),
        (True, True, False, PROJECT, PROJECT, False),
        (True, False, True, PROJECT, PROJECT, False),
        (True, False, False, PROJECT, PROJECT, False),
        (False, True, True, ADA, CALLER_KEY, False),
        (False, True, False, ADA, ADA, True),
        (False, False, True, ADA, ADA, True),
        (False, False, False, ADA, ADA, True),
    ],
)
def test_every_case_of_who_signs(
    project_held: bool, caller_set: bool, caller_held: bool, root: str, caller: str, marked: bool
):
    """The person's key, the project's, the first agent's: in this order, and only if held."""
    held = {ADA, MAX} | ({PROJECT} if project_held else set()) | ({CALLER_KEY} if caller_held else set())
    project = replace(A_PROJECT, caller_pubkey=CALLER_KEY if caller_set else "")
    expected = ThreadSigners(root, caller, marked, {"ada": ADA, "max": MAX})
    assert choose_signers(project, AGENTS, frozenset(held)) == expected


def test_nobody_signs_for_another():
    """An agent without its signer, or a root without any, is named instead of signed by somebody else."""
    without_max = choose_signers(A_PROJECT, AGENTS, frozenset({ADA}))
    assert find_unsignable(call(), without_max) == ("max",)
    without_ada = choose_signers(A_PROJECT, AGENTS, frozenset({MAX}))
    assert find_unsignable(call(), without_ada) == ("the root", "ada")
    single = call(replace(A_PROJECT, shape=ThreadShape.SINGLE))
    assert find_unsignable(single, without_max) == ()


def test_single_note_holds_the_transcript():
    """One note with the head and every turn under its speaker's name."""
    (note,) = build(replace(A_PROJECT, shape=ThreadShape.SINGLE))
    assert note.content == (
        "Voice conversation: Ada, Caller and Max, 2 min 5 s.\n\nAda: Hello, Ada here."
        "\n\nCaller: What is the weather?\nIn Vienna, I mean.\n\nAda: Sunny. I hand over to Max."
        "\n\nMax: Max here.\n\nCaller: Bye."
    )
    assert (note.pubkey, tags_named(note, "e")) == (PROJECT, [])


def test_a_long_single_note_is_continued_in_replies():
    """Beyond 4,000 characters the transcript goes on in replies by the same signer, nothing lost."""
    items = tuple(message(n, ("ada", CALLER)[n % 2], f"turn {n} " + "word " * 300) for n in range(1, 8))
    events = build(replace(A_PROJECT, shape=ThreadShape.SINGLE), turns=merge_turns(items))
    assert len(events) > 2
    assert all(len(event.content) <= 4_000 for event in events)
    assert {event.pubkey for event in events} == {PROJECT}
    assert all(tags_named(event, "e")[0][1] == event_id(events[0]) for event in events[1:])
    words = " ".join(event.content for event in events).split()
    assert words.count("word") == 7 * 300


def test_a_long_turn_becomes_several_events_of_its_speaker():
    """Text beyond the limit of an event is continued, in order, by the same signer."""
    events = build(turns=merge_turns((message(1, "ada", "word " * 2_000),)))
    assert [event.pubkey for event in events[1:]] == [ADA] * 3
    assert " ".join(event.content for event in events[1:]).split() == ["word"] * 2_000


def test_what_is_not_said_is_not_published():
    """Tool calls, results, notices, system messages, unfinished and empty items leave no trace."""
    secret = "never to be seen"
    items = (
        message(1, CALLER, "Hello."),
        *(
            replace(message(n, "ada", secret), kind=kind)
            for n, kind in enumerate(set(ItemKind) - {ItemKind.MESSAGE}, start=2)
        ),
        replace(message(10, "ada", secret), role=Role.SYSTEM),
        replace(message(11, "ada", secret), role=Role.TOOL),
        message(12, "ada", secret, status=ItemStatus.IN_PROGRESS),
        message(13, "ada", " \x00\n"),
        message(14, "ada", "Half a sen", status=ItemStatus.INTERRUPTED),
    )
    events = build(turns=merge_turns(items))
    assert [event.content for event in events[1:]] == ["Hello.", "Half a sen"]
    assert secret not in repr(events)


def test_a_call_in_which_nothing_was_said_has_no_thread():
    """Without a turn there is no root either."""
    assert build(turns=merge_turns((message(1, "ada", "  "),))) == ()


def test_text_and_tags_are_cleaned():
    """Controls and surrogates in names, titles and turns never reach an event."""
    dirty = replace(A_PROJECT, title="A\x07 title\nin two lines")
    agents = (Speaker("ada", "A\x00da\n", ADA),)
    events = build(dirty, turns=merge_turns((message(1, "ada", "ok\x7f\ud800"),)), agents=agents)
    assert ("subject", "A title in two lines") in events[0].tags
    assert events[0].content.startswith("Voice conversation: Ada, ")
    assert events[1].content == "ok"


@given(st.lists(st.integers(START - 10**7, START + 10**7), max_size=40), st.integers(START, START + 10**7))
def test_dates_rise_and_never_lie_ahead(times: list[int], now: int):
    """Strictly rising, none later than its time or now, and each as late as these rules allow."""
    dates = date_events(times, now)
    assert all(a < b for a, b in pairwise(dates))
    for date, time in zip(dates, times, strict=True):
        assert date <= min(time, now) // 1_000
    following = [*dates[1:], None][: len(dates)]
    for date, time, after in zip(dates, times, following, strict=True):
        assert date == min(time // 1_000, now // 1_000 if after is None else after - 1)


def test_the_same_call_gives_the_same_events():
    """Nothing random goes in: built twice at one time, the ids are the same."""
    assert build() == build()


EDITED = ("edited", "operator")


def marked_turns():
    first, second, *rest = merge_turns(ITEMS)
    return (replace(first, is_edited=True), replace(second, redacted=("card", "phone")), *rest)


@pytest.mark.parametrize("shape", list(ThreadShape))
def test_what_was_not_said_so_is_marked(shape: ThreadShape):
    """An edited and a redacted event say so, the head too; of one note the marks are those of its turns."""
    events = build(
        replace(A_PROJECT, shape=shape), turns=marked_turns(), is_edited=True, head_redacted=("email",)
    )
    assert events[0].content.splitlines()[0] == "Voice conversation: Ada, Caller and Max, 2 min 5 s, edited."
    marks = [[tag for tag in event.tags if tag[0] in ("edited", "redacted")] for event in events]
    if shape is ThreadShape.SINGLE:
        assert marks == [[EDITED, ("redacted", "email", "card", "phone")]]
    else:
        assert marks[:3] == [[EDITED, ("redacted", "email")], [EDITED], [("redacted", "card", "phone")]]
        assert marks[3:] == [[]] * (len(events) - 3)


def test_a_note_that_goes_on_has_its_own_marks():
    """A continuation is marked for what it holds itself."""
    turns = tuple(replace(turn, text=turn.text * 200) for turn in marked_turns())
    events = build(replace(A_PROJECT, shape=ThreadShape.SINGLE), turns=turns)
    assert len(events) > 2
    assert [EDITED in event.tags for event in events[:2]] == [True, False]
    redacted = [("redacted", "card", "phone") in event.tags for event in events]
    assert (redacted[0], any(redacted), redacted[-1]) == (False, True, False)


def test_events_that_expire_and_are_protected():
    """NIP-40's time counts from the end of the call; NIP-70's tag stands alone. On every event."""
    events = build(replace(A_PROJECT, expiration_days=30, protected=True))
    expires_at = (START + 125_000) // 1_000 + 30 * 86_400
    assert all(("expiration", str(expires_at)) in event.tags for event in events)
    assert all(("-",) in event.tags for event in events)
    assert not any(tag[0] in ("expiration", "-") for event in build() for tag in event.tags)
