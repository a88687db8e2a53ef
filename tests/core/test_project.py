from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentvoice.core.project import (
    MAX_TITLE_CHARS,
    Project,
    PublishPolicy,
    change_project,
    check_project,
    new_project,
    public_address,
)
from agentvoice.errors import UsageError

HOME = Project("home", "Home", "a" * 64)
FAR = ("wss://relay.example",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slug": "No Slug"}, "slug: "),
        ({"title": "  "}, "title: got 2 characters, want 1 to 79"),
        ({"title": "x" * (MAX_TITLE_CHARS + 1)}, "title: got 80 characters"),
        ({"budget_nano_usd_per_month": -1}, "budget: got -0.000000001 USD, want 0 to 1000000.00"),
        ({"budget_nano_usd_per_month": 10**16}, "budget: got 10000000.00 USD, want 0 to 1000000.00"),
        ({"expiration_days": -1}, "expiration_days: got -1, want 0 "),
        ({"redact": ("fone",)}, "redact: got 'fone', want phone, email, card, pattern:REGEX or secret:NAME"),
        ({"expiration_days": 36_501}, "expiration_days: got 36501, want 0 "),
        ({"readers": ("b" * 64,) * 51}, "readers: got 51, want 50 at most"),
        ({"callers": ("b" * 64,) * 1_001}, "callers: got 1001, want 1000 at most"),
        ({"relays": ()}, "relays: got none, want ws:// or wss:// addresses, or embedded"),
        ({"relays": ("http://relay.example",)}, "relays: got 'http://relay.example', want ws://"),
        ({"relays": ("wss://",)}, "relays: got 'wss://', want ws://"),
        ({"relays": ("wss://[::1",)}, "relays: got 'wss://\\[::1', want ws://"),
        ({"relays": ("wss://relay.example/\x1b[2J",)}, "relays: got 'wss://relay.example/\\\\x1b"),
        ({"relays": ("wss://relay.example/" + "x" * 500,)}, "relays: got 'wss://relay.example/xxx"),
        (
            {"relays": ("wss://me:secret@relay.example",)},
            "relays: got an address with a user or password in it",
        ),
        ({"relays": FAR * 2}, "relays: got one address twice"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str):
    """Field, what was got and what is wanted, whether or not a policy was given."""
    for policy_given in (True, False):
        with pytest.raises(UsageError, match=f"^{message}"):
            check_project(replace(HOME, **changes), policy_given=policy_given)


@pytest.mark.parametrize("relays", [FAR, ("embedded", *FAR)])
def test_nothing_leaves_the_machine_unsaid(relays: tuple[str, ...]):
    """With any outside relay the operator must name the policy; then it is allowed."""
    project = replace(HOME, relays=relays)
    with pytest.raises(UsageError, match=r"policy: got none, want public, review, private or off"):
        check_project(project, policy_given=False)
    check_project(project, policy_given=True)


def test_the_embedded_relay_needs_no_policy():
    """What stays on the machine may be published by default; the longest title is allowed."""
    check_project(replace(HOME, title="x" * MAX_TITLE_CHARS), policy_given=False)


@pytest.mark.parametrize("project", [HOME, new_project("home")])
def test_relays_are_added_with_a_policy_or_after_one(project: Project):
    """The first outside relay wants the policy named beside it; the next ones do not."""
    with pytest.raises(UsageError, match="policy: got none"):
        change_project(project, {"relays": FAR})
    changed = change_project(project, {"relays": FAR, "policy": PublishPolicy.REVIEW})
    more = change_project(changed, {"relays": (*FAR, "wss://other.example")})
    assert (more.policy, len(more.relays), more.title) == (PublishPolicy.REVIEW, 2, project.title)


def test_a_change_is_checked():
    """What is not usable is named, and a new project goes by its slug."""
    assert new_project("garden").title == "garden"
    with pytest.raises(UsageError, match="title: got 0 characters"):
        change_project(HOME, {"title": ""})


def test_others_see_an_address_without_its_token():
    """A hint in a public tag, a link and a log line tell where the relay is, not how we get in."""
    assert public_address("wss://relay.example/path?token=abc#x") == "wss://relay.example/path"
    assert public_address("embedded") == "embedded"
    assert public_address("wss://[::1") == ""
