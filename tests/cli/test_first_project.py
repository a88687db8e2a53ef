"""The project that calls belong to when nobody made one."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli


def test_the_first_agent_brings_a_project(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """It is the settings' project, on the embedded relay, with a key that can sign its root."""
    monkeypatch.setenv("AGENTVOICE_PROJECT", "home")
    cli("agent", "add", "ada")
    shown = cli("project", "show", "home", "--json").document
    assert (shown["relays"], shown["policy"]) == (["embedded"], "public")
    assert cli("key", "show", shown["npub"], "--json").document["used_by"] == ["project home"]


def test_a_project_of_the_operators_is_enough(cli: Cli):
    """Who made a project gets no second one with the next agent."""
    cli("db", "upgrade")
    cli("project", "add", "garden", "--new-key")
    cli("agent", "add", "ada")
    assert [each["slug"] for each in cli("project", "list", "--json").document["projects"]] == ["garden"]


def test_the_demos_project_is_not_enough(cli: Cli):
    """Calls after the demo have a project to belong to."""
    cli("db", "upgrade")
    cli("project", "add", "demo", "--new-key")
    cli("agent", "add", "nora")
    slugs = {each["slug"] for each in cli("project", "list", "--json").document["projects"]}
    assert slugs == {"demo", "default"}


def test_the_demos_project_may_be_the_settings_own(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """An operator who chose it gets no second one."""
    monkeypatch.setenv("AGENTVOICE_PROJECT", "demo")
    cli("agent", "add", "nora")
    assert cli("agent", "add", "olga").code == 0
    assert [each["slug"] for each in cli("project", "list", "--json").document["projects"]] == ["demo"]
