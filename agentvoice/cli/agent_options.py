"""The options that describe an agent, and what they make of a profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import click

from agentvoice.cli.texts import TextOption, encodable
from agentvoice.core.agent import ENGINE_OPENAI, ENGINES, AgentProfile
from agentvoice.core.fields import build_from_table, field_kinds, parse_text, walk_fields
from agentvoice.core.spelling import hint
from agentvoice.errors import UsageError

_PLAIN = ("name", "instructions", "greeting", "about", "picture")
_LISTS = {"aliases": "aliases", "engines": "engines", "handover_to": "handover_to"}

OPTIONS = (
    click.option(
        "--name", type=TextOption(), help="The name it is called by.  [default: the slug, capitalised]"
    ),
    click.option("--instructions", type=TextOption(), help="What it is and does: a text, or @FILE."),
    click.option("--greeting", type=TextOption(), help="What it says first: a text, or @FILE."),
    click.option("--about", type=TextOption(), help="What other agents may hand a caller over to it for."),
    click.option(
        "--picture",
        type=TextOption(),
        metavar="URL",
        help="Address of its picture, for its profile on Nostr.",
    ),
    click.option("--alias", "aliases", multiple=True, help="What its name is misheard as; repeatable."),
    click.option(
        "--engine",
        "engines",
        multiple=True,
        type=click.Choice(ENGINES),
        help="Engine, the preferred one first, then fallbacks; repeatable.  [default: local]",
    ),
    click.option("--voice", help="Voice on the preferred engine."),
    click.option("--model", help="Model on the preferred engine (local: the LLM)."),
    click.option(
        "--handover-to",
        "handover_to",
        multiple=True,
        metavar="SLUG",
        help="Agent it may hand over to; repeatable.  [default: every enabled agent]",
    ),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="KEY=VALUE",
        help="Any other setting by its name in TOML, such as local.silence_ms=600; repeatable.",
    ),
)


def profile_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that describe an agent."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def is_given(options: dict[str, Any]) -> bool:
    """Whether any option that describes an agent was given."""
    return any(value is not None and value != () for value in options.values())


def apply_options(profile: AgentProfile, options: dict[str, Any]) -> AgentProfile:
    """Return `profile` with what was given; raises UsageError naming the option."""
    given = {name: options[name] for name in _PLAIN if options[name] is not None}
    given |= {
        field: tuple(encodable(f"--{name}", part) for part in options[name])
        for name, field in _LISTS.items()
        if options[name]
    }
    profile = replace(profile, **given)
    assignments = [*_voice_and_model(profile, options), *options["assignments"]]
    for assignment in assignments:
        profile = assign(profile, encodable("--set", assignment))
    return profile


def _voice_and_model(profile: AgentProfile, options: dict[str, Any]) -> list[str]:
    is_openai = profile.engines[0] == ENGINE_OPENAI
    keys = {
        "voice": "openai.voice" if is_openai else "local.voice",
        "model": "openai.model" if is_openai else "local.llm.model",
    }
    return [f"{key}={options[name]}" for name, key in keys.items() if options[name] is not None]


def assign(profile: AgentProfile, assignment: str) -> AgentProfile:
    """Return `profile` with one `KEY=VALUE` of `--set`; raises UsageError naming the key."""
    key, sign, text = assignment.partition("=")
    kinds = {name: kind for name, kind, _ in walk_fields(AgentProfile) if name not in ("slug", "pubkey")}
    if not sign:
        raise UsageError(f"--set: got {assignment!r}, want KEY=VALUE such as local.silence_ms=600")
    if key not in kinds:
        raise UsageError(f"--set: {key}: unknown setting{hint(key, kinds)}")
    if kinds[key].is_tables:
        raise UsageError(f"--set: {key}: got text, want tables: `agentvoice agent edit SLUG` opens them")
    assigned: AgentProfile = _with(profile, key.split("."), parse_text(kinds[key], text), "--set", key)
    return assigned


def _with(value: Any, path: list[str], new: Any, source: str, key: str) -> Any:
    if len(path) > 1:
        return replace(value, **{path[0]: _with(getattr(value, path[0]), path[1:], new, source, key)})
    # Built as a table, so that type and limit are checked as in a file.
    kinds = field_kinds(type(value))
    plain = {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if not (is_dataclass(kinds[field.name].type) or kinds[field.name].is_tables)
    }
    prefix = key.removesuffix(path[0])
    try:
        checked = build_from_table(type(value), {**plain, path[0]: new})
    except UsageError as error:
        raise UsageError(f"{source}: {prefix}{error}") from None
    return replace(value, **{path[0]: getattr(checked, path[0])})
