"""The reference is complete and true: what the code has is documented, as the code has it."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import click
import pytest

from agentvoice import errors
from agentvoice.config import Settings, load_settings
from agentvoice.core.agent import AgentProfile
from agentvoice.core.fields import walk_fields
from agentvoice.protocols.profile_toml import decode_profile
from tools import reference

TOP = Path(__file__).parent.parent
COMMANDS = list(reference.walk_commands())
SETTINGS = [name for name, _, _ in walk_fields(Settings)]


def page(name: str) -> str:
    return (TOP / "docs" / "reference" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(reference.render_all()))
def test_derived_files_are_those_of_the_code(path: str):
    """A changed setting, command or error is in the reference (`make reference` writes it)."""
    assert (TOP / path).read_text(encoding="utf-8") == reference.render_all()[path]


@pytest.mark.parametrize(("context", "command"), COMMANDS, ids=[c.command_path for c, _ in COMMANDS])
def test_every_command_and_option_says_what_it_does(context: click.Context, command: click.Command):
    """No command is without a help text, and no option of it either; all of it is on the page."""
    assert command.help
    text = page("cli.md")
    assert f"`{context.command_path}`" in text
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.opts[-1] in text


@pytest.mark.parametrize(("context", "command"), COMMANDS, ids=[c.command_path for c, _ in COMMANDS])
def test_every_command_takes_the_common_options(context: click.Context, command: click.Command):
    """`--json`, `--config` and `--debug` may stand at any place of the command line."""
    assert {"--json", "--config", "--debug"} <= {opt for option in command.params for opt in option.opts}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_documented(name: str):
    """A setting stands in the reference with its variable and its meaning."""
    section, _, key = name.rpartition(".")
    variable = "AGENTVOICE_" + name.replace(".", "__").upper()
    rows = [line for line in page("config.md").splitlines() if line.endswith(f"| `{variable}` |")]
    assert len(rows) == 1
    meaning = rows[0].split("|")[4].strip()
    assert rows[0].startswith(f"| `{key}` |")
    assert len(meaning.split()) >= 3
    assert not section or f"## `[{section}]`" in page("config.md")


@pytest.mark.parametrize("name", [name for name, _, _ in walk_fields(AgentProfile)])
def test_every_setting_of_an_agent_is_documented(name: str):
    """A profile's setting stands under its table with its meaning."""
    table, _, key = name.rpartition(".")
    text = page("agent-profile.md").split(f"## `[{table}]`\n" if table else "## Top of the file\n")[1]
    [row] = [line for line in text.split("\n## ")[0].splitlines() if line.startswith(f"| `{key}` |")]
    assert len(row.split("|")[4].split()) >= 3


def test_the_examples_for_the_realtime_engine_are_right():
    """Each TOML block of the page is a part of the settings, or of a profile."""
    text = (TOP / "docs" / "howto" / "use-openai-realtime.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, flags=re.S)
    assert len(blocks) == 4
    for block in blocks:
        if block.startswith("[engines"):
            assert reference.build_settings(block) != Settings()
        else:
            profile = decode_profile(f'slug = "a"\nname = "A"\n{block}', "page").profile
            assert profile.openai != AgentProfile("a", "A").openai


def test_every_error_is_documented():
    """Each class of the tree stands on the page with its exit code."""
    tree = ast.parse(Path(errors.__file__).read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert names
    for name in names:
        code = getattr(errors, name).exit_code
        assert re.search(rf"`{name}` \| {code} \|", page("errors.md")), name


def test_the_tree_drawn_in_errors_is_the_real_one():
    """The docstring of errors.py draws every class under its parent, with exit code and retry."""
    drawn = [
        (len(branches) // len("├── "), name, int(code), bool(retryable))
        for branches, name, code, retryable in re.findall(
            r"^    ([ │├└─]*)(\w+) +(?:exit_code )?(\d) +(retryable)?", errors.__doc__ or "", flags=re.M
        )
    ]
    real = [(depth, cls.__name__, cls.exit_code, cls.retryable) for depth, cls in reference.walk_errors()]
    assert drawn[1:] == real[1:]
    assert drawn[0][:3] == real[0][:3]


def test_the_example_settings_are_the_defaults():
    """The example file, and the same with every setting taken into use, give the defaults."""
    text = (TOP / "config" / "agentvoice.toml").read_text(encoding="utf-8")
    in_use = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.M)
    assert len(tomllib.loads(in_use)) == len(tomllib.loads(text)) + sum("." not in name for name in SETTINGS)
    assert reference.build_settings(text) == reference.build_settings(in_use) == Settings()


def test_the_example_settings_load(tmp_path: Path):
    """The example file can be copied as it is."""
    example = TOP / "config" / "agentvoice.toml"
    assert load_settings(example, {"HOME": str(tmp_path)}).http == Settings().http


@pytest.mark.parametrize("name", ["ada", "max"])
def test_the_example_agents_can_be_imported(name: str):
    """The example profiles are right, and may hand over to each other."""
    path = TOP / "config" / "agents" / f"{name}.toml"
    profile = decode_profile(path.read_text(encoding="utf-8"), path.name).profile
    assert profile.slug == name
    assert profile.greeting
    assert profile.aliases
