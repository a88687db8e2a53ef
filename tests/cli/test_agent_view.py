"""How an agent is shown."""

from __future__ import annotations

from pathlib import Path

from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip19 import decode_pubkey
from agentvoice.storage.database import Database
from agentvoice.storage.profiles import want_profiles
from tests.cli.conftest import Cli


def test_rendered_instructions_name_project_style_and_targets(cli: Cli):
    """`show --rendered` is what an engine gets: a disabled agent is no target."""
    cli("agent", "add", "ada", "--instructions", "You know plants.")
    cli("agent", "add", "max")
    cli("agent", "add", "bo")
    cli("agent", "disable", "bo")
    cli("project", "edit", "default", "--title", "The garden")
    text = cli("agent", "show", "ada", "--rendered").out
    assert "“The garden”" in text
    assert "You know plants." in text
    assert "transfer_to_max" in text
    assert "transfer_to_bo" not in text


def test_lists_and_pages_for_people(cli: Cli):
    """Without --json the output is an aligned table, and names the next step when there is nothing."""
    cli("agent", "add", "ada")
    lines = cli("agent", "list").out.splitlines()
    assert lines[0].split() == ["SLUG", "NAME", "ENGINES", "ENABLED", "REVISION", "CHANGED"]
    assert lines[1].index("Ada") == lines[0].index("NAME")
    assert "npub1" in cli("agent", "show", "ada").out
    assert "added" in cli("agent", "history", "ada").out
    cli("agent", "remove", "ada")
    assert "agentvoice agent add" in cli("agent", "list").out


def test_the_tools_of_an_agent_are_shown(cli: Cli):
    """For people by name, in the document with their references and schemas; none is said too."""
    toml = """
slug = "ada"
name = "Ada"
[[tools.http]]
name = "weather"
description = "The weather"
url = "https://api.example/now"
headers = { Authorization = "Bearer env:KEY" }
parameters = '{"type": "object"}'
[[tools.mcp]]
server_label = "docs"
server_url = "https://mcp.example/sse"
"""
    cli("agent", "import", "-", stdin=toml)
    assert "end_call, current_time, weather, mcp:docs" in cli("agent", "show", "ada").out
    shown = cli("agent", "show", "ada", "--json").document["tools"]
    assert shown["http"][0]["headers"] == {"Authorization": "Bearer env:KEY"}
    assert shown["http"][0]["parameters"] == {"type": "object"}
    exported = cli("agent", "export", "ada").out
    cli("agent", "import", "-", "--replace", stdin=exported)
    assert cli("agent", "show", "ada", "--json").document["revision"] == 1  # nothing changed
    cli("agent", "edit", "ada", "--set", "tools.builtin=note", "--name", "Ada L.")
    assert "note, weather, mcp:docs" in cli("agent", "show", "ada").out


def test_control_characters_never_reach_the_terminal(cli: Cli):
    """A profile from elsewhere cannot move the cursor or recolour the screen."""
    cli("agent", "import", "-", stdin='slug = "ada"\nname = "A\\u001b[2J"\ninstructions = "x\\u001b]0;y"\n')
    assert "\x1b" not in cli("agent", "show", "ada").out + cli("agent", "list").out


def test_where_the_profile_stands_is_shown(cli: Cli, home: Path):
    """Nowhere before there is a thread; then each relay's state and its words."""
    npub = cli("agent", "add", "ada", "--picture", "https://a.example/a.png", "--json").document["npub"]
    assert "at no relay yet" in cli("agent", "show", "ada").out
    database = Database.open(home / "agentvoice.db")
    with database.writing() as session:
        note = SignedEvent("1" * 64, decode_pubkey("npub", npub), 1, 1, (), "Hi.", "2" * 128)
        want_profiles(session, [(note, ["wss://a.example"])], 1_000)
    database.close()
    assert "waiting at wss://a.example" in cli("agent", "show", "ada").out
    document = cli("agent", "show", "ada", "--json").document
    assert document["picture"] == "https://a.example/a.png"
    assert document["profile"] == [
        {
            "relay": "wss://a.example",
            "state": "waiting",
            "attempts": 0,
            "next_attempt_at": "1970-01-01T00:00:01.000Z",
            "last_answer": "",
        }
    ]
