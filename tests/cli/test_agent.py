"""`agentvoice agent`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.protocols.profile_toml import decode_profile
from tests.cli.conftest import Cli


def test_a_first_agent_on_a_fresh_machine(home: Path):
    """One command makes the database, the agent, its key and a project, closed to other users."""
    environ = {"HOME": str(home.parent), "AGENTVOICE_HOME": str(home), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "agentvoice", "agent", "add", "ada", "--instructions", "You help."]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert "agentvoice call start ada" in result.stdout
    assert stat.S_IMODE((home / "agentvoice.db").stat().st_mode) == 0o600
    keys = list((home / "keys").iterdir())
    assert len(keys) == 2  # the agent's and the project's
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert "nsec" not in result.stdout + result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_no_database_is_made_in_a_services_folder(cli: Cli, home: Path):
    """In a data folder of another user nothing is created, and the message says what to do."""
    home.mkdir()
    os.chown(home, 65_534, 65_534)
    answer = cli("agent", "add", "ada")
    assert answer.code == 3
    assert "agentvoice db upgrade" in answer.complaint
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("add", "A B"), 2, "SLUG: got 'A B'"),
        (("add", "ada"), 2, "slug: got 'ada', which exists"),
        (("add", "bo", "--voice", "nope"), 2, "local.voice: got 'nope', want one of hibari"),
        (("add", "bo", "--instructions", "@/none"), 2, "--instructions: /none cannot be read"),
        (("add", "bo", "--set", "local.silense_ms=1"), 2, "unknown setting; did you mean local.silence_ms?"),
        (
            ("add", "bo", "--set", "local.silence_ms=x"),
            2,
            "local.silence_ms: got the text 'x', want a whole number",
        ),
        (("add", "bo", "--set", "local.silence_ms=1"), 2, "local.silence_ms: got 1, want 100 to 5000"),
        (("add", "bo", "--set", "x"), 2, "--set: got 'x', want KEY=VALUE"),
        (("add", "bo", "--key", "npub1x"), 2, "--key: "),
        (("add", "bo", "--key", "env:NOT_SET_HERE"), 3, "the environment variable is not set"),
        (("show", "nobody"), 3, "agent 'nobody': no such agent"),
        (("show", "ada", "--revision", "9"), 3, "got revision 9, there are 1 to 1"),
        (("show", "ada", "--rendered", "--project", "none"), 3, "project 'none'"),
        (("edit", "ada"), 2, "got no option and no $EDITOR"),
        (("edit", "nobody", "--name", "x"), 3, "no such agent"),
        (("remove", "nobody"), 3, "no such agent"),
        (("enable", "nobody"), 3, "no such agent"),
        (("history", "nobody"), 3, "no such agent"),
        (("export", "ada", "--output", "/none/x"), 2, "--output: /none/x cannot be written"),
        (("import", "/none.toml"), 2, "FILE: /none.toml cannot be read"),
    ],
)
def test_wrong_input_is_named(cli: Cli, arguments: tuple[str, ...], code: int, message: str):
    """Each refusal is one clear line; and it leaves no key behind."""
    cli("agent", "add", "ada")
    before = cli("key", "list", "--json").document
    answer = cli("agent", *arguments)
    assert answer.code == code
    assert message in answer.complaint
    assert cli("key", "list", "--json").document == before


def test_edit_changes_what_is_given_and_keeps_a_revision(cli: Cli):
    """The rest of the profile stays; the old one can still be looked at."""
    cli("agent", "add", "ada", "--greeting", "Hello", "--alias", "Eda")
    edited = cli("agent", "edit", "ada", "--greeting", "Hi", "--json").document
    assert (edited["greeting"], edited["aliases"], edited["revision"]) == ("Hi", ["Eda"], 2)
    assert cli("agent", "show", "ada", "--revision", "1", "--json").document["greeting"] == "Hello"
    revisions = cli("agent", "history", "ada", "--json").document["revisions"]
    assert [(each["revision"], each["changed"]) for each in revisions] == [(1, ["added"]), (2, ["greeting"])]


def test_an_edit_without_a_change_makes_no_revision(cli: Cli):
    """Saying what is already so adds nothing to the history."""
    cli("agent", "add", "ada", "--greeting", "Hello")
    assert cli("agent", "edit", "ada", "--greeting", "Hello", "--json").document["revision"] == 1


def test_export_and_import_give_the_same_agent(cli: Cli, home: Path):
    """An exported agent, removed and imported again, has the same profile and key."""
    added = cli(
        "agent", "add", "ada", "--instructions", 'A "quoted"\n\ttext\\', "--alias", "Eda", "--json"
    ).document
    assert cli("agent", "export", "ada", "--output", f"{home.parent}/ada.toml").code == 0
    assert "nsec" not in (home.parent / "ada.toml").read_text()
    cli("agent", "remove", "ada")
    assert cli("agent", "show", "ada").code == 3
    imported = cli("agent", "import", f"{home.parent}/ada.toml", "--json").document["agents"][0]
    assert {**imported, "changed_at": ""} == {**added, "changed_at": ""}


def test_import_overwrites_nobody_unless_told(cli: Cli):
    """A file for an existing agent is refused; with --replace it becomes a revision with the same key."""
    added = cli("agent", "add", "ada", "--json").document
    text = 'slug = "ada"\nname = "New"\n'
    assert "--replace" in cli("agent", "import", "-", stdin=text).complaint
    replaced = cli("agent", "import", "-", "--replace", "--json", stdin=text).document["agents"][0]
    assert (replaced["name"], replaced["revision"], replaced["npub"]) == ("New", 2, added["npub"])


def test_a_wrong_file_among_several_imports_none(cli: Cli, home: Path):
    """All files are read before the first agent is stored."""
    (home.parent / "good.toml").write_text('slug = "good"\nname = "Good"\n')
    (home.parent / "bad.toml").write_text('slug = "bad"\nnmae = "Bad"\n')
    answer = cli("agent", "import", f"{home.parent}/good.toml", f"{home.parent}/bad.toml")
    assert "bad.toml: nmae: unknown key; did you mean name?" in answer.complaint
    assert cli("agent", "list").code == 3  # not even a database was made


def test_export_prints_toml_that_is_a_profile(cli: Cli):
    """What is printed is complete: it can be piped into an import."""
    cli("agent", "add", "ada", "--voice", "hibari-low")
    file = decode_profile(cli("agent", "export", "ada").out, "stdout")
    assert isinstance(file.profile, AgentProfile)
    assert file.profile.local.voice == "hibari-low"
    assert file.key.startswith("npub1")


def test_disable_and_enable(cli: Cli):
    """An agent can be taken out of service and back, each a revision."""
    cli("agent", "add", "ada")
    assert cli("agent", "disable", "ada", "--json").document["enabled"] is False
    assert cli("agent", "list", "--json").document["agents"][0]["enabled"] is False
    assert cli("agent", "enable", "ada", "--json").document["revision"] == 3
