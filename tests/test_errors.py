"""The exception tree is the one drawn in its docstring."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from agentvoice import errors
from agentvoice.errors import AgentVoiceError

LINE = re.compile(r"^(?P<branch>[ │├└─]*)(?P<name>[A-Z]\w+) +(?P<details>.*)$", re.M)
INDENT = 4


def drawn() -> Iterator[tuple[str, str, int, bool]]:
    """Yield (class, parent, exit code, retryable) of each line of the drawing."""
    path: list[str] = []
    tree = (errors.__doc__ or "").split("\n\n")[1]
    for line in LINE.finditer(tree):
        depth = (len(line["branch"]) - INDENT) // INDENT
        path[depth:] = [line["name"]]
        code = re.search(r"\d", line["details"])
        assert code is not None
        is_retryable = "retryable" in line["details"].replace("retryable False", "")
        yield line["name"], path[depth - 1] if depth else "Exception", int(code[0]), is_retryable


@pytest.mark.parametrize(("name", "parent", "exit_code", "is_retryable"), [*drawn()])
def test_each_class_is_as_drawn(name: str, parent: str, exit_code: int, is_retryable: bool):
    """Parent, exit code and whether trying again helps."""
    kind = getattr(errors, name)
    assert kind.__base__.__name__ == parent
    assert (kind.exit_code, kind.retryable) == (exit_code, is_retryable)


def test_every_class_is_drawn():
    """A new error has its place in the picture."""
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)} - {"ClassVar"}
    assert {name for name, *_ in drawn()} == {name for name in defined if name[0].isupper()}


def test_one_except_catches_all():
    """Whoever catches the root has caught every error of ours."""
    for name, *_ in drawn():
        with pytest.raises(AgentVoiceError, match="why"):
            raise getattr(errors, name)("why")
