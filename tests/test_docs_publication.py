"""The page of publication states and relay answers says all that the tables have, and what they decide."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from agentvoice.cli.publication_check import describe_checks
from agentvoice.cli.publication_view import describe_page, describe_publication
from agentvoice.config import Settings
from agentvoice.config.settings import PublishSettings
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState, Publication
from agentvoice.core.fields import walk_fields
from agentvoice.core.ports import RelayAnswer
from agentvoice.core.retry import FAST_LIMIT_S
from agentvoice.protocols.nostr.advice import ADVICE, AnswerKind
from agentvoice.protocols.nostr.answers import PREFIXES, Verdict
from agentvoice.protocols.publication_documents import (
    PublicationDocument,
    RelayDocument,
    VerificationDocument,
    publication_summary,
)
from agentvoice.web.publications_api import ENDPOINTS
from tools import publication_states

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "reference" / "publication-states.md"
HOWTO = DOCS / "howto" / "publish-to-your-relays.md"
LISTED = Publication("c1", "home", PublicationState.QUEUED, "", 0, 0, 0)
SETTING = re.compile(r"\b((?:publish|relays)\.[a-z_.]+[a-z])\b")

# NIP-01 and what relays in use mean by them; written by hand, not read from the table.
WANTED = {
    "duplicate": "`accepted`",
    "rate-limited": "`waiting`",
    "error": "`waiting`",
    "auth-required": "AUTH",
    "pow": "`rejected`",
    "invalid": "`rejected`",
    "blocked": "`rejected`",
    "restricted": "`rejected`",
    "mute": "`rejected`",
    "too-large": "`rejected`",
}


def rows(title: str) -> dict[str, list[str]]:
    """The rows of the section of that title, by what stands in their first cell."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {first: rest for first, *rest in cells if not first.startswith("---")}


@pytest.mark.parametrize(
    ("title", "values"),
    [("States of a publication", PublicationState), ("States of a delivery", DeliveryState)],
)
def test_every_state_says_what_it_means_and_what_to_do(title: str, values: Iterable[str]):
    """A state that is added is on the page, with both cells filled."""
    told = rows(title)
    assert {f"`{value}`" for value in values} | {"state"} == set(told)
    assert all(len(cells) == 2 and all(cells) for cells in told.values())


def test_every_prefix_says_what_becomes_of_the_delivery():
    """All of NIP-01's and ours, none besides; the decisions are those of this file, too."""
    told = rows("Prefixes")
    assert {f"`{prefix}:`" for prefix in PREFIXES} | {"prefix"} == set(told)
    assert set(PREFIXES) == set(WANTED)
    for prefix, wanted in WANTED.items():
        assert told[f"`{prefix}:`"][0].startswith(wanted), prefix


def test_every_reason_is_told_once():
    """Whatever `publication show` gives as reason can be looked up, with what to do."""
    of_relays, of_signing = rows("Reasons"), rows("Why a thread is not signed")
    assert not {name for name in of_relays if name != "reason"} & set(of_signing)
    assert {f"`{kind}`" for kind in AnswerKind} | {"reason"} == {*of_relays, *of_signing}
    assert all(len(cells) == 3 and all(cells) for cells in (*of_relays.values(), *of_signing.values()))


@pytest.mark.parametrize(
    ("message", "event_bytes", "wanted"),
    [
        ("duplicate: exists", 500, Verdict.ACCEPTED),
        ("reject: no", 500, Verdict.REJECTED),
        ("deleted: gone", 500, Verdict.REJECTED),
        ("notice: hm", 500, Verdict.RETRY),
        ("notice: hm", 10_000, Verdict.REJECTED),
        ("Rate-Limited: x", 500, Verdict.RETRY),
    ],
)
def test_odd_answers_are_decided_as_the_page_says(message: str, event_bytes: int, wanted: Verdict):
    """What relays in use say beside NIP-01 is on the page, as it is decided."""
    answer = RelayAnswer(False, message)
    assert publication_states.verdict_of(answer, event_bytes) is wanted
    shown = [
        (done, size)
        for _, odd, size in publication_states.ODD_ANSWERS
        if odd.message == message and (size > 4_096) == (event_bytes > 4_096)
        for done in [publication_states.DONE[publication_states.verdict_of(odd, size)]]
    ]
    assert [done for done, _ in shown] == [publication_states.DONE[wanted]]


def test_the_times_are_the_defaults():
    """`5 s, doubling up to 5 min, then hourly, for 5 days` is what the settings have."""
    plan = PublishSettings()
    words = (
        f"after {plan.first_retry_s:g} s, doubling up to {FAST_LIMIT_S / 60:g} min, then hourly,"
        f" for {plan.give_up_days:g} days"
    )
    assert plan.max_retry_s == 3_600
    assert rows("Reasons")["`busy`"][1] == f"tries again: {words}"


def test_settings_that_the_page_and_the_advice_name_exist():
    """Nobody is sent to a setting that is not there."""
    names = {name for name, _, _ in walk_fields(Settings)}
    texts = [PAGE.read_text(encoding="utf-8"), *(f"{each.does} {each.todo}" for each in ADVICE.values())]
    named = {found for text in texts for found in SETTING.findall(text)} - {"relays.md", "publish.md"}
    assert {"publish.accepted_relays", "relays.ok_timeout_s"} <= named <= names


def test_the_howto_helps_with_every_refusal():
    """Whatever a relay may answer but yes, the page of the task says what to do."""
    text = HOWTO.read_text(encoding="utf-8").split("## When it does not get there\n")[1]
    refusals = [prefix for prefix, wanted in WANTED.items() if wanted != "`accepted`"]
    assert [prefix for prefix in refusals if f"`{prefix}:" not in text] == []


def test_the_howto_shows_what_the_commands_print():
    """The columns of the list, and the words of a thread and of its verification."""
    text = HOWTO.read_text(encoding="utf-8")
    relay = RelayDocument("wss://r", False, {"waiting": 3}, "2026-11-25T12:55:41.000Z", "x", "busy", "wait")
    document = PublicationDocument("published", "e", "nevent1", [], "Published: 1.", relays=[relay])
    columns = describe_page([publication_summary(LISTED)], 0).splitlines()[0].split()
    words = [
        line.split()[0] for line in describe_publication(document, 0).splitlines() if line.startswith("  ")
    ]
    assert re.search(r" +".join(columns), text)
    assert words == ["next", "said", "to"]
    assert all(f"\n      {word} " in text for word in words)
    check = VerificationDocument("wss://relay.example", True, 3, 3, [], [])
    assert f"    {describe_checks([check], 'c')}\n" in text


def test_the_paths_of_the_api_are_told():
    """Whoever asks the daemon instead of the command line finds each path."""
    text = (DOCS / "reference" / "documents.md").read_text(encoding="utf-8")
    paths = [each.full_path.replace("{call}", "ID") for each in ENDPOINTS if each.method == "GET"]
    assert paths and all(f"`GET {path}`" in text for path in paths)
