"""Every command in the documentation exists, with every option it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from agentvoice.cli import cli

ROOT = Path(__file__).parents[1]
MADE_FROM_THE_CODE = {"cli.md", "config.md", "errors.md"}
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name not in MADE_FROM_THE_CODE),
]
COMMAND = re.compile(r"^ {4,}(?:\$ )?(agentvoice|av|make) ((?:.*\\\n)*.*)$", flags=re.M)
INLINE = re.compile(r"`(agentvoice|make) ((?!python3)[a-z][^`]*)`")  # `make python3 …` are packages
SHELL = {"|", "<", ">", "#", "&&", ";"}
FILE = re.compile(r"`([a-z_]+/[\w/.-]*[\w/]|(?:daemon|errors)\.py)`")
PLACES = (ROOT, ROOT / "agentvoice", ROOT / "docs")
ELSEWHERE = {
    "recordings/",
    "keys/",
    "models/",
    "build/docs",
    "application/json",
}  # of the data folder, made, or no file
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands_of(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (program, words) of each command that a page shows, without what the shell takes."""
    text = page.read_text(encoding="utf-8")
    for program, line in [*COMMAND.findall(text), *INLINE.findall(text)]:
        words: list[str] = []
        for word in shlex.split(line.replace("\\\n", " "), comments=True):
            if word in SHELL:
                break
            words.append(word)
        yield program, words


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and the words after its name."""
    command: click.Command = cli
    context = click.Context(cli)
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        assert found is not None, f"no command {' '.join(words)!r}"
        command, rest = found, rest[1:]
    return command, rest


def check(words: list[str]) -> None:
    """Assert that the command exists and takes the options shown, each with its value."""
    command, rest = resolve(words)
    if isinstance(command, click.Group) or not rest:
        return
    options = {name: option for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for number, word in enumerate(rest):
        if not re.match(r"--\w", word):
            continue
        assert word in options, f"{' '.join(words)!r}: no option {word}"
        option = options[word]
        if isinstance(option.type, click.Choice) and number + 1 < len(rest):
            assert rest[number + 1] in [*option.type.choices, "…"], f"{' '.join(words)!r}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_docs_exist(page: Path):
    """A command or option that was renamed is found in the pages that still show it."""
    for program, words in commands_of(page):
        if program == "make":
            assert words[0] in TARGETS, f"make {words[0]}"
        else:
            check(words)


def test_the_readme_shows_many_commands():
    """The pattern above finds the commands; it would be no test otherwise."""
    shown = [" ".join(words[:2]) for program, words in commands_of(PAGES[0]) if program == "agentvoice"]
    assert {"agent add", "call start", "key import", "project add", "model install"} <= set(shown)


@pytest.mark.parametrize("words", ["agent ad", "agent add x --nam y", "project add x --policy publick"])
def test_a_wrong_command_is_seen(words: str):
    """A command, an option and a choice that do not exist fail."""
    with pytest.raises(AssertionError):
        check(shlex.split(words))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_in_the_docs_exist(page: Path):
    """A file of the repository that a page names is there."""
    named = set(FILE.findall(page.read_text(encoding="utf-8"))) - ELSEWHERE
    assert [name for name in sorted(named) if not any((place / name).exists() for place in PLACES)] == []


def test_links_of_the_readme_lead_somewhere():
    """The documentation builder checks the links of its pages, but not the README's."""
    links = re.findall(r"\]\(([^)#:]+)\)", PAGES[0].read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert len(links) > 5
