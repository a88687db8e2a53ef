"""Writes what can be derived from the code: docs/reference and config/agentvoice.toml.

`python tools/reference.py` writes the files; `render_all` gives their texts, and a test compares.
"""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import click

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from agentvoice import errors  # noqa: E402  the checkout's own package, wherever this is run from
from agentvoice.cli import cli  # noqa: E402  the same
from agentvoice.config import Settings, settings  # noqa: E402  the same
from agentvoice.core import agent, openai_settings, tool  # noqa: E402  the same
from agentvoice.core.fields import build_from_table, field_default, field_kinds  # noqa: E402  the same
from agentvoice.protocols.realtime.beta import BETA  # noqa: E402  the same
from agentvoice.protocols.realtime.dialect import (  # noqa: E402  the same
    UNUSED_CLIENT_EVENTS,
    USED_CLIENT_EVENTS,
)
from agentvoice.protocols.realtime.ga import GA  # noqa: E402  the same
from tools import api_page, publication_states  # noqa: E402  the same

MADE = "<!-- Made by tools/reference.py from the code: `make reference` writes it again. -->"
COLUMNS = 100


def render_all() -> dict[str, str]:
    """Return {path: text} of every file that is derived from the code."""
    return {
        "docs/reference/cli.md": render_cli(),
        "docs/reference/config.md": render_config(),
        "docs/reference/errors.md": render_errors(),
        "docs/reference/agent-profile.md": render_profile(),
        "docs/reference/realtime-events.md": render_realtime(),
        "docs/reference/publication-states.md": publication_states.render(MADE),
        "docs/reference/api.md": api_page.render_page(MADE),
        "docs/reference/openapi.json": api_page.render_openapi(),
        "config/agentvoice.toml": render_example(),
    }


# The command line.


def walk_commands(
    command: click.Command = cli, name: str = "agentvoice", parent: click.Context | None = None
) -> Iterator[tuple[click.Context, click.Command]]:
    """Yield every command with its context, groups before their commands."""
    context = click.Context(
        command, info_name=name, parent=parent, max_content_width=COLUMNS, terminal_width=COLUMNS
    )
    yield context, command
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            assert inner is not None, each
            yield from walk_commands(inner, each, context)


def render_cli() -> str:
    """Return the help of every command."""
    parts = [
        "# Commands",
        MADE,
        "Every command takes `--json` (one document on stdout, logs on stderr), `--config FILE` and `--debug`,"
        " before or after its name.",
        "| exit code | meaning |\n|---|---|\n| 0 | done |\n| 1 | failed |\n| 2 | wrong usage or input |"
        "\n| 3 | not found |\n| 4 | refused: policy, budget or rights |"
        "\n| 130 | interrupted |",
    ]
    for context, command in walk_commands():
        depth = "##" if command.params and context.command_path.count(" ") < 2 else "###"
        parts += [f"{depth} `{context.command_path}`", f"```text\n{_help_of(command, context)}\n```"]
    return "\n\n".join(parts) + "\n"


def _help_of(command: click.Command, context: click.Context) -> str:
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


# The settings.


def setting_notes(source: str = settings.__file__) -> dict[str, dict[str, str]]:
    """Return {class: {field: docstring}} of a source file; the class's own docstring under ""."""
    tree = ast.parse(Path(source).read_text(encoding="utf-8"))
    notes: dict[str, dict[str, str]] = {}
    for found in tree.body:
        if isinstance(found, ast.ClassDef):
            notes[found.name] = {"": ast.get_docstring(found) or ""}
            for statement, after in zip(found.body, found.body[1:], strict=False):
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    notes[found.name][statement.target.id] = _text_of(after)
    return notes


def _text_of(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return str(statement.value.value)
    return ""


def walk_sections(value: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, defaults) of every table of settings, the top one first."""
    value = Settings() if value is None else value
    yield prefix, value
    for field in fields(value):
        inner = getattr(value, field.name)
        if is_dataclass(inner):
            yield from walk_sections(inner, f"{prefix}.{field.name}".lstrip("."))


def _plain_fields(value: Any) -> list[tuple[str, Any]]:
    pairs = [(field.name, getattr(value, field.name)) for field in fields(value)]
    return [(name, each) for name, each in pairs if not is_dataclass(each)]


def toml_value(value: Any) -> str:
    """Return a default as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | tuple) else repr(value)


def render_config() -> str:
    """Return the reference of the settings."""
    notes = setting_notes()
    parts = [
        "# Settings",
        MADE,
        "Read from the first of these files that exists: `--config FILE`, `$AGENTVOICE_CONFIG`,"
        " `~/.config/agentvoice/agentvoice.toml`, `/etc/agentvoice/agentvoice.toml`. The environment wins over"
        " the file. `agentvoice config check` names a wrong key or value and shows what is not at its default.",
        "`config/agentvoice.toml` lists them all, commented out. The data folder is `AGENTVOICE_HOME`, else"
        " `home`, else `agentvoice` in the XDG data folder.",
        "Secrets are never settings: a setting says where a secret is, by `env:NAME`, `file:PATH` or"
        " `credential:NAME` (a systemd credential).",
    ]
    for section, value in walk_sections():
        rows = _setting_rows(section, value, notes[type(value).__name__])
        if rows:
            parts += [
                f"## `[{section}]`" if section else "## Top of the file",
                notes[type(value).__name__][""],
            ]
            parts.append(
                "\n".join(
                    ["| setting | default | wanted | meaning | variable |", "|---|---|---|---|---|", *rows]
                )
            )
    return "\n\n".join(parts) + "\n"


def _setting_rows(section: str, value: Any, notes: dict[str, str]) -> list[str]:
    kinds = field_kinds(type(value))
    rows = []
    for name, default in _plain_fields(value):
        variable = "AGENTVOICE_" + f"{section}.{name}".lstrip(".").replace(".", "__").upper()
        rows.append(
            f"| `{name}` | `{toml_value(default)}` | {kinds[name].wanted} | {notes.get(name, '')} | `{variable}` |"
        )
    return rows


def render_example() -> str:
    """Return the example file: every setting at its default, commented out."""
    notes = setting_notes()
    lines = [
        "# Settings of agentvoice, each at its default. Take the # away to change one.",
        "# The environment wins over this file: AGENTVOICE_<SECTION>__<KEY>, as AGENTVOICE_HTTP__PORT.",
        "# `agentvoice config check` names what is wrong.",
    ]
    for section, value in walk_sections():
        rows = _plain_fields(value)
        note = notes[type(value).__name__]
        if section and rows:
            lines += ["", f"# {note['']}", f"[{section}]"]
        for name, default in rows:
            lines += ["", f"# {note.get(name, '')}", f"# {name} = {toml_value(default)}"]
    return "\n".join(lines) + "\n"


def build_settings(text: str) -> Settings:
    """Return the settings of a TOML text, without files and environment."""
    return build_from_table(Settings, tomllib.loads(text))


# The profile of an agent.


def render_profile() -> str:
    """Return the reference of an agent's profile."""
    notes = {
        name: note
        for module in (agent, openai_settings, tool)
        for name, note in setting_notes(module.__file__).items()
    }
    parts = [
        "# The agent profile",
        MADE,
        "What `agent export` writes and `agent import` and `agent edit` read (TOML). `--set KEY=VALUE` takes the"
        " dotted names. `key` names the signing key (an npub or `env:NAME`). What is left out is at its default.",
    ]
    tables = [
        *((f"[{section}]", value) for section, value in walk_sections(agent.AgentProfile("", ""))),
        ("[[tools.http]]", tool.HttpTool("", "", "")),
        ("[[tools.mcp]]", tool.McpServer("", "")),
    ]
    for section, value in tables:
        noted = notes[type(value).__name__]
        kinds = field_kinds(type(value))
        defaults = {field.name: field_default(field) for field in fields(value)}
        parts.append(f"## `{section}`" if section != "[]" else "## Top of the file")
        rows = [
            f"| `{name}` | {_default_of(defaults[name])} | {kinds[name].wanted}"
            f" | {' '.join(noted.get(name, '').split())} |"
            for name, _ in _plain_fields(value)
        ]
        parts.append("\n".join(["| setting | default | wanted | meaning |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _default_of(value: Any) -> str:
    if value is MISSING:
        return "needed"
    return f"`{toml_value(value)}`"


# The events of the Realtime API.


def render_realtime() -> str:
    """Return what is done with each event of the Realtime API, in both dialects."""
    parts = [
        "# Events of the Realtime API",
        MADE,
        "What the engine `openai` does with each event, by dialect (`engines.openai.dialect`). An event that is"
        " not here is logged once a session and survived.",
        "## From the server",
    ]
    names = sorted({name for each in (GA, BETA) for name in {*each.shapes, *each.noted}})
    rows = [f"| `{name}` | {_dialects_of(name)} | {_meaning_of(name)} |" for name in names]
    parts.append("\n".join(["| event | dialect | what we do |", "|---|---|---|", *rows]))
    rows = [f"| `{name}` | sent: {why} |" for name, why in USED_CLIENT_EVENTS.items()]
    rows += [f"| `{name}` | not sent: {why} |" for name, why in UNUSED_CLIENT_EVENTS.items()]
    parts += ["## To the server", "\n".join(["| event | what for |", "|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


def _dialects_of(name: str) -> str:
    return ", ".join(each.name for each in (GA, BETA) if name in each.shapes or name in each.noted)


def _meaning_of(name: str) -> str:
    shape = GA.shapes.get(name) or BETA.shapes.get(name)
    if shape is None:
        return "noted: it repeats another event, or is about what we do not use"
    return f"acted on: {(shape.__doc__ or '').splitlines()[0]}"


# The errors.


def walk_errors() -> Iterator[tuple[int, type[errors.AgentVoiceError]]]:
    """Yield (depth, class) of the whole tree, parents first."""

    def below(
        cls: type[errors.AgentVoiceError], depth: int
    ) -> Iterator[tuple[int, type[errors.AgentVoiceError]]]:
        yield depth, cls
        for inner in cls.__subclasses__():
            if inner.__module__ == errors.__name__:
                yield from below(inner, depth + 1)

    yield from below(errors.AgentVoiceError, 0)


def render_errors() -> str:
    """Return the reference of the errors."""
    rows = [
        f"| {'· ' * depth}`{cls.__name__}` | {cls.exit_code} | {'yes' if cls.retryable else 'no'}"
        f" | {' '.join((cls.__doc__ or '').split())} |"
        for depth, cls in walk_errors()
    ]
    table = "\n".join(["| error | exit code | retry helps | meaning |", "|---|---|---|---|", *rows])
    intro = (
        "A command that fails prints one line on stderr, `agentvoice: …`, and leaves with the error's exit code."
        " The line names the field, what was got and what is wanted. A line that ends in"
        " `(a defect: --debug shows where)` is a fault of agentvoice: please report it with what `--debug` shows."
    )
    return "\n\n".join(["# Errors", MADE, intro, table]) + "\n"


if __name__ == "__main__":
    for path, text in render_all().items():
        (TOP / path).parent.mkdir(parents=True, exist_ok=True)
        (TOP / path).write_text(text, encoding="utf-8")
