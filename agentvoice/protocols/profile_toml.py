"""Agent profiles as TOML: for import, export and the editor. A round trip gives the same profile.

The file holds the profile's own fields, `[local]`, `[openai]` and `[tools]` tables, and `key`: a
reference to the signing key (an npub or `env:NAME`), never the key. Without `key`, an import makes
one or keeps the agent's own.

A tool's `parameters` are written as a text of JSON: that is how providers print such schemas, it may
go over several lines, which TOML's inline tables may not, and it has `null`. A table is read as well.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import msgspec

from agentvoice.core.agent import AgentProfile, check_agent
from agentvoice.core.fields import FieldKind, build_from_table, describe, field_default, field_kinds
from agentvoice.errors import UsageError

KEY = "key"
_NOT_IN_FILE = ("pubkey",)  # derived from `key`, so that the two cannot disagree
_ALWAYS_WRITTEN = ("slug", "name", "instructions", "greeting", "aliases", "engines")
_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_CONTROL = re.compile(r'[\x00-\x1f\x7f"\\]')
_CONTROL_IN_BLOCK = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile as a file says it; its pubkey is empty, `key` is where it comes from ("" if unsaid)."""

    profile: AgentProfile
    key: str = ""


def decode_profile(text: str, source: str) -> ProfileFile:
    """Return the profile in TOML `text`; `source` is the file's name for messages.

    Raises UsageError naming the line of bad TOML, the unknown key with the nearest right one, the
    value of a wrong type, or the first field that is not usable.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last_line = text.count("\n") + 1
        words = str(error).replace("at end of document", f"at the end, line {last_line}")
        raise UsageError(f"{source}: bad TOML: {words}") from error
    except RecursionError:
        raise UsageError(f"{source}: bad TOML: arrays or tables are nested too deeply") from None
    key = table.pop(KEY, "")
    if not isinstance(key, str):
        raise UsageError(f"{source}: {KEY}: got {describe(key)}, want an npub or env:NAME")
    for name in _NOT_IN_FILE:
        if name in table:
            raise UsageError(f"{source}: {name}: unknown key; did you mean {KEY}?")
    _read_schemas(table, source)
    profile = build_from_table(AgentProfile, table, source=source)
    try:
        check_agent(profile)
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None
    return ProfileFile(profile, key)


def _read_schemas(table: dict[str, Any], source: str) -> None:
    """Put the schema in the place of its JSON text; everything else that is wrong is found later."""
    tools = table.get("tools")
    http = tools.get("http") if isinstance(tools, dict) else None
    for index, tool in enumerate(http if isinstance(http, list) else ()):
        if isinstance(tool, dict) and isinstance(tool.get("parameters"), str):
            try:
                tool["parameters"] = msgspec.json.decode(tool["parameters"])
            except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
                name = f"{source}: tools.http[{index}].parameters"
                raise UsageError(f"{name}: got no JSON ({error}), want a schema") from None


def encode_profile(profile: AgentProfile, key: str = "") -> str:
    """Return the profile as TOML; settings at their defaults are left out, nested tables come last."""
    lines: list[str] = []
    if key:
        lines.append(f"{KEY} = {_text(key)}")
    lines += _table(profile, "", always=_ALWAYS_WRITTEN)
    return "\n".join(lines) + "\n"


def _table(value: Any, prefix: str, always: tuple[str, ...] = ()) -> list[str]:
    plain: list[str] = []
    nested: list[str] = []
    kinds = field_kinds(type(value))
    for field in fields(value):
        inner = getattr(value, field.name)
        if field.name in _NOT_IN_FILE or (field.name not in always and inner == field_default(field)):
            continue
        if is_dataclass(inner):
            name = prefix + field.name
            nested += ["", f"[{name}]", *_table(inner, f"{name}.")]
        elif kinds[field.name].is_tables:
            name = prefix + field.name
            for part in inner:
                nested += ["", f"[[{name}]]", *_table(part, f"{name}.")]
        elif isinstance(inner, Mapping):
            plain.append(f"{field.name} = {_free_table(kinds[field.name], inner)}")
        else:
            plain.append(f"{field.name} = {_value(inner)}")
    return plain + nested


def _free_table(kind: FieldKind, value: Mapping[str, Any]) -> str:
    if kind.part is str:
        return "{ " + ", ".join(f"{_line(key)} = {_line(text)}" for key, text in value.items()) + " }"
    return _text(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_text(part) for part in value) + "]"
    return _text(value)


def _text(text: str) -> str:
    if "\n" in text:
        # A newline right after the opening quotes is not part of the text (TOML 1.0, String).
        body = _CONTROL_IN_BLOCK.sub(_escape, text).replace('"""', '""\\"')
        if body.endswith('"'):
            body = body[:-1] + '\\"'
        return f'"""\n{body}"""'
    return _line(text)


def _line(text: str) -> str:
    return '"' + _CONTROL.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _ESCAPES.get(character) or f"\\u{ord(character):04x}"
