"""Who is in the demo: made once, never changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentvoice.cli.demo_cast import ensure_cast, names_of_signers, npubs_of_agents
from agentvoice.cli.frame import Invocation
from agentvoice.storage.database import Database
from tests.cli.conftest import Cli


@pytest.fixture
def invocation(home) -> Invocation:
    return Invocation()


@pytest.fixture
def database(invocation: Invocation) -> Iterator[Database]:
    with invocation.database(create=True) as opened:
        yield opened


def test_a_new_home_gets_a_project_and_two_agents(invocation: Invocation, database: Database, cli: Cli):
    """Each has a key of its own whose secret is here, and the agents have different voices."""
    ensure_cast(invocation, database)
    agents = cli("agent", "list", "--json").document["agents"]
    assert [agent["slug"] for agent in agents] == ["ada", "max"]
    assert npubs_of_agents(database) == {agent["slug"]: agent["npub"] for agent in agents}
    project = cli("project", "show", "demo", "--json").document
    assert (project["relays"], project["policy"]) == (["embedded"], "public")
    keys = [*npubs_of_agents(database).values(), project["npub"]]
    assert len(set(keys)) == 3
    assert all(cli("key", "show", key, "--reveal", "--json").code == 0 for key in keys)
    voices = {cli("agent", "show", slug, "--json").document["local"]["voice"] for slug in ("ada", "max")}
    assert len(voices) == 2


def test_a_second_time_changes_nothing(invocation: Invocation, database: Database, cli: Cli):
    """No agent, no revision, no key comes to what is there."""
    ensure_cast(invocation, database)
    before = [cli(*command, "--json").out for command in (("agent", "list"), ("key", "list"))]
    ensure_cast(invocation, database)
    assert [cli(*command, "--json").out for command in (("agent", "list"), ("key", "list"))] == before
    assert len(cli("agent", "history", "ada", "--json").document["revisions"]) == 1


def test_an_agent_of_the_users_stays_as_it_is(invocation: Invocation, database: Database, cli: Cli):
    """Who has an ada keeps it, key and words; only what is missing is made."""
    npub = cli("agent", "add", "ada", "--greeting", "Mine.", "--json").document["npub"]
    ensure_cast(invocation, database)
    shown = cli("agent", "show", "ada", "--json").document
    assert (shown["greeting"], shown["npub"]) == ("Mine.", npub)
    assert npubs_of_agents(database)["ada"] == npub
    assert cli("agent", "show", "max").code == 0


def test_everybody_who_may_sign_has_a_name(invocation: Invocation, database: Database):
    """The report names the agents and the project."""
    ensure_cast(invocation, database)
    assert sorted(names_of_signers(database).values()) == ["ada", "max", "project demo"]
