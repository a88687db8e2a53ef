"""`agentvoice doctor`: whether a call could begin now."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from agentvoice.cli.doctor_finding import Finding
from agentvoice.cli.doctor_relays import look_at_relays
from agentvoice.cli.doctor_sound import look_at_sound
from agentvoice.cli.frame import Command, Invocation, pass_invocation
from agentvoice.cli.output import table
from agentvoice.core.agent import ENGINE_LOCAL, ENGINE_OPENAI, AgentProfile
from agentvoice.core.project import Project
from agentvoice.errors import AgentVoiceError, KeyNotHere


@click.command(cls=Command)
@pass_invocation
def doctor(invocation: Invocation) -> int:
    """Check everything a call needs, and say what is missing.

    Nothing is changed, and nothing leaves this machine but a question to each relay of your projects,
    for 5 s at the most. Exit code 1 if something is missing; a note is no fault.
    """
    findings = list(_look(invocation))
    rows = [(each.mark, each.name, each.detail) for each in findings]
    is_well = all(each.ok or not each.needed for each in findings)
    document = {"ok": is_well, "findings": [asdict(each) for each in findings]}
    invocation.answer(document, table(("", "WHAT", "DETAIL"), rows, empty=""))
    return 0 if is_well else 1


def _look(invocation: Invocation) -> Iterator[Finding]:
    from agentvoice.config import find_config_file

    settings = invocation.settings  # wrong settings end the command by themselves: nothing else can be judged
    file = find_config_file(invocation.config_file, os.environ)
    yield Finding("settings", True, str(file) if file else "no file: defaults and environment")
    agents: list[AgentProfile] = []
    yield _tried("database", lambda: _read_agents(invocation, agents))
    yield from (_tried(f"agent {each.slug}", partial(_check_key, invocation, each.pubkey)) for each in agents)
    projects: list[Project] = []
    with suppress(AgentVoiceError):  # told above, as `database`
        projects = _read_projects(invocation)
    for project in projects:
        yield _tried(f"project {project.slug}", partial(_check_project_key, invocation, project))
        if project.caller_pubkey:
            look = partial(_check_key, invocation, project.caller_pubkey)
            yield _tried(f"caller of {project.slug}", look)
    yield from look_at_relays(invocation, projects)
    yield from look_at_sound(settings.sound)
    yield from _look_at_engines(invocation, agents)


def _look_at_engines(invocation: Invocation, agents: list[AgentProfile]) -> Iterator[Finding]:
    engines = {engine for each in agents for engine in each.engines} or {ENGINE_LOCAL}
    if ENGINE_LOCAL in engines:
        yield _look_at_models(invocation, agents)
    if ENGINE_OPENAI in engines:
        from agentvoice.config import read_secret

        reference = invocation.settings.engines.openai.api_key
        yield _tried(
            "engine openai", lambda: (read_secret("engines.openai.api_key", reference), reference)[1]
        )


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except AgentVoiceError as error:
        return Finding(name, False, str(error))


def _read_agents(invocation: Invocation, agents: list[AgentProfile]) -> str:
    from agentvoice.errors import NotFound
    from agentvoice.storage.agents import list_agents

    with invocation.database() as database:
        with database.reading() as session:
            agents += [revision.profile for revision in list_agents(session) if revision.profile.enabled]
        if not agents:
            raise NotFound("no enabled agent; add one with: agentvoice agent add SLUG")
        return f"{database.location}, schema {database.schema_version()}, {len(agents)} enabled agents"


def _read_projects(invocation: Invocation) -> list[Project]:
    from agentvoice.storage.projects import list_projects

    with invocation.database() as database, database.reading() as session:
        return list(list_projects(session))


def _check_project_key(invocation: Invocation, project: Project) -> str:
    """A project may be tagged by a key that is elsewhere; one that is known here must sign here."""
    from agentvoice.protocols.nostr.nip19 import encode_npub
    from agentvoice.storage.keys import find_reference

    with invocation.database() as database:
        if not find_reference(database, project.pubkey):
            return (
                f"tags {encode_npub(project.pubkey)}, whose key is elsewhere: the first agent signs the root"
            )
    return _check_key(invocation, project.pubkey)


def _check_key(invocation: Invocation, pubkey: str) -> str:
    from agentvoice.storage.keys import get_key

    with invocation.database() as database:
        with database.reading() as session:
            stored = get_key(session, pubkey)
        state = invocation.key_store(database).look(stored.reference)
    if state.problem:
        raise KeyNotHere(f"cannot sign as {stored.npub}: {state.problem}")
    how = " by its bunker, which was not asked" if state.form == "bunker" else ""
    return f"signs as {stored.npub}{how}"


def _look_at_models(invocation: Invocation, agents: list[AgentProfile]) -> Finding:
    from agentvoice.adapters.local_speech.model_store import ModelStore

    local = invocation.settings.engines.local
    store = ModelStore(Path(invocation.settings.home) / "models")
    wanted = {local.stt, local.llm, local.tts}
    for agent in agents:
        stages = (agent.local.stt, agent.local.llm, agent.local.tts)
        wanted |= {stage.model for stage in stages if stage.model and not stage.url}
    problems = sorted({problem for name in wanted if (problem := store.problem(name))})
    return Finding("engine local", not problems, "; ".join(problems) or ", ".join(sorted(wanted)))
