"""`agentvoice project`."""

from __future__ import annotations

import pytest

from agentvoice.adapters.signer import KeySigner
from tests.cli.conftest import Cli


@pytest.fixture
def ready(cli: Cli) -> Cli:
    """The command line with an empty database."""
    assert cli("db", "upgrade").code == 0
    return cli


def test_a_project_with_a_new_key_signs_its_root(ready: Cli):
    """`--new-key` makes a key that this machine can sign with; the rest is default."""
    shown = ready("project", "add", "garden", "--new-key", "--json").document
    assert (shown["title"], shown["relays"], shown["policy"], shown["shape"]) == (
        "garden", ["embedded"], "public", "thread",
    )  # fmt: skip
    assert ready("key", "show", shown["npub"], "--json").document["used_by"] == ["project garden"]


def test_a_project_may_have_somebody_elses_key(ready: Cli):
    """`--pubkey` takes any npub or hex: threads are tagged with it, not signed by it."""
    signer = KeySigner.generate()
    for number, name in enumerate((signer.npub, signer.pubkey, f"nostr:{signer.npub}")):
        shown = ready("project", "add", f"p{number}", "--pubkey", name, "--json").document
        assert (shown["pubkey"], shown["npub"]) == (signer.pubkey, signer.npub)


def test_every_option_is_stored(ready: Cli):
    """What is given is shown again."""
    person = KeySigner.generate()
    ready("key", "import", stdin=person.reveal())
    options = (
        "--title", "The garden", "--relay", "wss://a.example", "--relay", "embedded", "--policy", "review",
        "--shape", "single", "--chained", "--full-p-tags", "--voice-tag", "--address", "31933:ab:garden",
        "--caller-key", person.npub, "--nip65", "--reader", person.npub, "--expiration-days", "30", "--protected",
        "--redact", "card", "--redact", "pattern:gate [0-9]+", "--caller", person.npub,
    )  # fmt: skip
    added = ready("project", "add", "garden", "--new-key", *options, "--json").document
    shown = ready("project", "show", "garden", "--json").document
    assert added == shown
    assert (shown["title"], shown["relays"]) == ("The garden", ["wss://a.example", "embedded"])
    assert (shown["policy"], shown["shape"], shown["address"]) == ("review", "single", "31933:ab:garden")
    assert (shown["chained"], shown["full_p_tags"], shown["voice_tag"]) == (True, True, True)
    assert shown["caller_pubkey"] == person.pubkey
    assert (shown["nip65_relays"], shown["expiration_days"], shown["protected"]) == (True, 30, True)
    assert (shown["readers"], shown["redact"]) == ([person.pubkey], ["card", "pattern:gate [0-9]+"])
    assert shown["callers"] == [person.pubkey]


def test_a_list_is_taken_back_with_none(ready: Cli):
    """`none` empties what repeatable options filled; the other fields stay."""
    npub = KeySigner.generate().npub
    options = ("--reader", npub, "--caller", npub, "--redact", "card")
    ready("project", "add", "garden", "--new-key", *options)
    none = ("--reader", "none", "--caller", "none", "--redact", "none")
    shown = ready("project", "edit", "garden", *none, "--json").document
    assert (shown["readers"], shown["callers"], shown["redact"]) == ([], [], [])
    assert shown["expiration_days"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("add", "A B", "--new-key"), 2, "SLUG: got 'A B'"),
        (("add", "p"), 2, "--pubkey: got neither it nor --new-key, want one of them"),
        (("add", "garden", "--new-key"), 2, "slug: got 'garden', which exists"),
        (("add", "p", "--pubkey", "npub1x"), 2, "--pubkey: "),
        (("add", "p", "--new-key", "--relay", "http://x"), 2, "relays: got 'http://x'"),
        (("add", "p", "--new-key", "--relay", "wss://x.example"), 2, "policy: got none"),
        (("add", "p", "--new-key", "--title", "x" * 80), 2, "title: got 80 characters, want 1 to 79"),
        (
            ("add", "p", "--new-key", "--caller-key", "env:NOT_SET_HERE"),
            3,
            "the environment variable is not set",
        ),
        (("edit", "garden"), 2, "edit: got no option"),
        (("edit", "garden", "--budget", "-1"), 2, "--budget: got '-1', want USD such as 12.50"),
        (("add", "p", "--new-key", "--budget", "1e3"), 2, "--budget: got '1e3', want USD such as 12.50"),
        (("edit", "garden", "--budget", "9999999"), 2, "budget: got 9999999.00 USD, want 0 to 1000000.00"),
        (("edit", "garden", "--relay", "wss://x.example"), 2, "policy: got none"),
        (("edit", "nobody", "--title", "x"), 3, "no such project"),
        (("show", "nobody"), 3, "no such project"),
        (("remove", "nobody"), 3, "no such project"),
    ],
)
def test_wrong_input_is_named(ready: Cli, arguments: tuple[str, ...], code: int, message: str):
    """Each refusal is one clear line, and leaves no key behind."""
    ready("project", "add", "garden", "--new-key")
    before = ready("key", "list", "--json").document
    answer = ready("project", *arguments)
    assert (answer.code, message in answer.complaint) == (code, True)
    assert ready("key", "list", "--json").document == before


def test_a_secret_key_is_no_pubkey(ready: Cli):
    """A project's nsec given as its pubkey is refused and not repeated."""
    nsec = KeySigner.generate().reveal()
    answer = ready("project", "add", "p", "--pubkey", nsec)
    assert answer.code == 2
    assert nsec not in answer.err


def test_outside_relays_may_be_added_once_the_policy_is_chosen(ready: Cli):
    """With the policy named at some time, more relays need no new word."""
    ready("project", "add", "garden", "--new-key")
    first = ready("project", "edit", "garden", "--relay", "wss://a.example", "--policy", "public", "--json")
    assert first.document["relays"] == ["wss://a.example"]
    more = ("--relay", "wss://a.example", "--relay", "wss://b.example")
    assert ready("project", "edit", "garden", *more, "--json").document["policy"] == "public"


def test_a_budget_is_money(ready: Cli):
    """It is given and shown in USD, to the nano-dollar; 0 takes it away."""
    added = ready("project", "add", "garden", "--new-key", "--budget", "12.5", "--json").document
    assert added["budget_usd_per_month"] == "12.50"
    more = ready("project", "edit", "garden", "--budget", "20.000000001", "--json").document
    assert more["budget_usd_per_month"] == "20.000000001"
    assert (
        ready("project", "edit", "garden", "--budget", "0", "--json").document["budget_usd_per_month"] is None
    )


def test_edit_keeps_what_is_not_given(ready: Cli):
    """Only the named fields change; a flag can be taken back."""
    added = ready("project", "add", "garden", "--new-key", "--chained", "--json").document
    edited = ready("project", "edit", "garden", "--flat", "--title", "New", "--json").document
    assert edited == {**added, "chained": False, "title": "New"}


def test_list_and_remove(ready: Cli):
    """A removed project is gone from the list, its key stays."""
    npub = ready("project", "add", "garden", "--new-key", "--json").document["npub"]
    assert "garden" in ready("project", "list").out
    assert ready("project", "remove", "garden").code == 0
    assert ready("project", "list", "--json").document == {"projects": []}
    assert ready("key", "show", npub).code == 0
