"""The shape of the tree: every module tested by name, small files, small functions, no sleeping tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FILE_LINES = 320
FOREIGN = {"node_modules", "vendor", ".venv"}
"""Folders with code of others."""
MAX_FUNCTION_LINES = 60

UNTESTED = {
    "agentvoice/core/ports.py": "interfaces only; what implements them is tested",
    "agentvoice/adapters/local_speech/stages.py": "interfaces too; models, worker and HTTP stages are tested",
    "agentvoice/web/keys.py": "two names that typing needs; web.app sets what they stand for",
}
MAX_UNTESTED = 5

REALTIME_WORDS = re.compile(
    r"^(input_audio_buffer\.|response\.(create|cancel|output_|audio|function_call)|session\.update"
    r"|conversation\.item\.(create|truncate|delete|input_audio|added|done))"
)


def sources(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if not FOREIGN.intersection(path.parts))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PRODUCT = sources("agentvoice")
TESTS = sources("tests")
TEST_FILES = [path for path in TESTS if path.name.startswith("test_")]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("module", PRODUCT, ids=name_of)
def test_each_module_has_a_test_file_of_its_name(module: Path):
    """`agentvoice/<floor>/…/<module>.py` is tested by a `test_<module>.py` under `tests/<floor>/`."""
    if module.name == "__init__.py" or name_of(module) in UNTESTED:
        return
    floor = module.relative_to(ROOT / "agentvoice").parts[0] if module.parent.name != "agentvoice" else ""
    named = {path.name for path in TEST_FILES if floor in {"", path.relative_to(ROOT / "tests").parts[0]}}
    assert f"test_{module.stem}.py" in named, f"{name_of(module)} has no test file of its name"


def test_modules_without_tests_are_few_and_exist():
    """The list of untested modules stays short and names real files."""
    assert len(UNTESTED) <= MAX_UNTESTED
    assert [name for name in UNTESTED if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", [*PRODUCT, *TESTS], ids=name_of)
def test_files_are_short(path: Path):
    """A file above the limit holds a second idea."""
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_FILE_LINES, f"{name_of(path)} has {lines} lines"


@pytest.mark.parametrize("path", [*PRODUCT, *TESTS], ids=name_of)
def test_functions_are_short(path: Path):
    """A function above the limit does a second thing."""
    long = [
        f"{function.name}: {length} lines"
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", TEST_FILES, ids=name_of)
def test_each_test_states_a_behaviour(path: Path):
    """Every test function has a docstring of one line."""
    silent = [
        function.name
        for function in functions(path)
        if function.name.startswith("test_") and "\n" in (ast.get_docstring(function) or "\n")
    ]
    assert silent == []


def sleeps(tree: ast.AST) -> Iterator[int]:
    """Line numbers of calls of time.sleep, and of asyncio.sleep for longer than one turn of the loop."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="time" | "asyncio", names=names) if "sleep" in {n.name for n in names}:
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr="sleep")):
                yield node.lineno
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="asyncio"), attr="sleep"), args=[ast.Constant(value=0)]
            ):
                continue
            case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr="sleep")):
                yield node.lineno


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_do_not_sleep(path: Path):
    """Tests wait for events, never for time to pass."""
    assert list(sleeps(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code", ["time.sleep(1)", "asyncio.sleep(0.1)", "asyncio.sleep(limit_s)", "from asyncio import sleep"]
)
def test_sleeping_is_seen(code: str):
    """Each way to sleep is found; letting other tasks run once is allowed."""
    assert list(sleeps(ast.parse(f"asyncio.sleep(0)\n{code}"))) == [2]


@pytest.mark.parametrize(
    "path", [path for path in PRODUCT if not name_of(path).startswith("agentvoice/protocols/")], ids=name_of
)
def test_the_words_of_the_realtime_api_stop_at_its_codec(path: Path):
    """Event names of the Realtime API stand in agentvoice/protocols only."""
    words = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and REALTIME_WORDS.match(node.value)
    ]
    assert words == []


@pytest.mark.parametrize("path", [*PRODUCT, *TESTS], ids=name_of)
def test_each_suppressed_rule_has_its_reason(path: Path):
    """`# noqa` and `# type: ignore` name a rule, and say why, on the line."""
    marker = re.compile(r"# (noqa|type: ignore)(?!`)")
    reasoned = re.compile(r"# (noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|type: ignore\[[a-z, -]+\])\s*\W+\s*\w+")
    bare = [
        number
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marker.search(line) and not reasoned.search(line) and path != Path(__file__)
    ]
    assert bare == []


def typed_decodes(tree: ast.AST) -> Iterator[int]:
    """Line numbers of msgspec decode calls that are given their type there."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id="msgspec")), attr="decode")
            ):
                if any(keyword.arg == "type" for keyword in node.keywords):
                    yield node.lineno


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_decoders_are_made_when_their_module_is_loaded(path: Path):
    """Msgspec builds what it knows of a type at first use, and crashes if two threads are first at once."""
    assert list(typed_decodes(ast.parse(path.read_text()))) == []
