"""Redacting the published copy: which secrets there are to take out, and where.

All secrets that the tools of the call's agents refer to are taken out, whatever the project says;
a rule `secret:NAME` names others. One that cannot be read here is an error: a thread is never
signed because a rule could not be applied.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from agentvoice.config.secrets import SECRET_KINDS, read_secret
from agentvoice.core.agent import AgentProfile
from agentvoice.core.redaction import Redactor, build_redactor, kind_of, secrets_named
from agentvoice.core.tool import split_reference
from agentvoice.errors import ConfigError, SecretNotHere
from agentvoice.protocols.nostr.clean import clean_tag_value
from agentvoice.protocols.nostr.thread import FinishedCall
from agentvoice.protocols.nostr.turns import Turn


@dataclass(frozen=True, slots=True)
class KnownSecrets:
    """The secrets to take out, by name, and why others cannot be read here."""

    values: dict[str, str]
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        return f"KnownSecrets({', '.join(self.values)})"


def tool_references(profile: AgentProfile) -> tuple[str, ...]:
    """Return the references to secrets in an agent's tools."""
    headers = [value for tool in profile.tools.http for value in tool.headers.values()]
    found = [split[1] for split in map(split_reference, headers) if split]
    found += [server.authorization for server in profile.tools.mcp if server.authorization]
    return tuple(dict.fromkeys(found))


async def read_secrets(
    rules: Sequence[str], in_call: Iterable[AgentProfile], known: Iterable[AgentProfile]
) -> KnownSecrets:
    """Return the secrets of the tools `in_call` and those that rules name, found by name in `known`."""
    references = {
        name_of(reference): reference for profile in in_call for reference in tool_references(profile)
    }
    others = [reference for profile in known for reference in _references(profile)]
    for name in secrets_named(rules):
        references.setdefault(name, find_reference(name, others))
    return await asyncio.to_thread(_read_all, references)


def name_of(reference: str) -> str:
    """Return what an operator calls a secret: its variable, its credential, its file."""
    return reference.partition(":")[2]


def find_reference(name: str, references: Sequence[str]) -> str:
    """Return the reference that a rule's name stands for: a whole one, one that an agent uses by its
    name or its file's name, else the variable of that name.
    """
    if name.partition(":")[0] in SECRET_KINDS:
        return name
    for reference in references:
        if name in (name_of(reference), PurePath(name_of(reference)).name):
            return reference
    return f"env:{name}"


def redact_call(call: FinishedCall, redactor: Redactor) -> tuple[FinishedCall, dict[str, int]]:
    """Return the call with turns, title and names redacted, and how often each rule took something out."""
    counts: Counter[str] = Counter()
    head_kinds: dict[str, None] = {}

    def head(text: str) -> str:
        found = redactor.redact(clean_tag_value(text))
        counts.update(found.counts)
        head_kinds.update(dict.fromkeys(map(kind_of, found.counts)))
        return found.text

    turns = tuple(_redact_turn(turn, redactor, counts) for turn in call.turns)
    project = replace(call.project, title=head(call.project.title))
    agents = tuple(replace(agent, name=head(agent.name)) for agent in call.agents)
    redacted = replace(call, project=project, agents=agents, turns=turns, head_redacted=tuple(head_kinds))
    return redacted, dict(counts)


async def apply_rules(
    call: FinishedCall, rules: Sequence[str], secrets: KnownSecrets
) -> tuple[FinishedCall, dict[str, int]]:
    """Return what redact_call does by a project's rules; beside the loop, for long calls."""
    redactor = build_redactor(rules, secrets.values)
    return await asyncio.to_thread(redact_call, call, redactor)


def refuse_missing(secrets: KnownSecrets) -> None:
    """Raise SecretNotHere if any secret that is to be taken out is not known."""
    if secrets.missing:
        raise SecretNotHere(f"not redacted, so not signed: {'; '.join(secrets.missing)}")


def _redact_turn(turn: Turn, redactor: Redactor, counts: Counter[str]) -> Turn:
    found = redactor.redact(turn.text)
    counts.update(found.counts)
    return replace(turn, text=found.text, redacted=tuple(dict.fromkeys(map(kind_of, found.counts))))


def _references(profile: AgentProfile) -> list[str]:
    stages = (profile.local.stt, profile.local.llm, profile.local.tts)
    return [*tool_references(profile), *(stage.api_key for stage in stages if stage.api_key)]


def _read_all(references: dict[str, str]) -> KnownSecrets:
    values: dict[str, str] = {}
    missing: list[str] = []
    for name, reference in references.items():
        try:
            values[name] = read_secret(f"redact secret:{name}", reference)
        except ConfigError as error:
            missing.append(str(error))
    return KnownSecrets(values, tuple(missing))
