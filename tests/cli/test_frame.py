"""The command line itself, as a real process."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentvoice import __version__
from agentvoice.cli import COMMANDS, cli, run
from agentvoice.cli.frame import Invocation
from tests.cli.conftest import Cli

HEAVY = ("aiohttp", "sqlalchemy", "numpy", "asyncio", "msgspec", "websockets", "structlog")
HELP_LIMIT_S = 0.15


def process(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environ = {"HOME": str(home.parent), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-m", "agentvoice", *arguments],
        env=environ, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_help_imports_nothing_heavy(home: Path):
    """`--help` needs no database, no network and no arrays, so it answers at once."""
    code = "import sys, agentvoice.cli as c; c.run(['--help']); print(*sorted(sys.modules), file=sys.stderr)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(result.stderr.split())
    assert "agentvoice.cli" in loaded
    assert loaded.isdisjoint(HEAVY)
    for listed in COMMANDS:
        assert listed.summary.split()[0] in result.stdout


def test_help_is_quick(home: Path):
    """The quickest of several runs keeps the promise, in CPU time: tests may share the machine."""
    taken = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process("--help", home=home).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < HELP_LIMIT_S


def test_version(home: Path):
    """`--version` names the program and its version."""
    assert process("--version", home=home).stdout == f"agentvoice {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("agnt",), 2, "No such command 'agnt'"),
        (("agent", "ad"), 2, "(see agentvoice agent --help)"),
        (("agent", "add"), 2, "Missing argument 'SLUG' (see agentvoice agent add --help)"),
        (("agent", "list", "--jsno"), 2, "No such option '--jsno'. Did you mean '--json'?"),
        (("call", "list", "--limit", "0"), 2, "--limit"),
        (("agent", "list"), 3, "no database at"),
        (
            ("--config", "/none.toml", "agent", "list"),
            2,
            "--config: got /none.toml, want a TOML file that exists",
        ),
    ],
)
def test_a_refusal_is_one_line_with_its_exit_code(
    cli: Cli, arguments: tuple[str, ...], code: int, message: str
):
    """Nothing on stdout, one line on stderr, the exit code of the reference."""
    answer = cli(*arguments)
    assert answer.code == code
    assert message in answer.complaint


def test_common_options_may_stand_anywhere(cli: Cli, home: Path):
    """`--json` and `--config` work before the noun, after it, and after the verb."""
    (home.parent / "a.toml").write_text("[http]\nport = 5\n")
    config = ("--config", str(home.parent / "a.toml"))
    for arguments in (
        (*config, "--json", "config", "check"),
        ("config", *config, "--json", "check"),
        ("config", "check", *config, "--json"),
        ("--json", "config", "check", *config),
    ):
        assert cli(*arguments).document["changed"] == {"http.port": 5}


def test_the_config_furthest_right_counts(cli: Cli, home: Path):
    """Of two `--config` the later one is meant."""
    (home.parent / "a.toml").write_text("project = 'a'\n")
    (home.parent / "b.toml").write_text("project = 'b'\n")
    answer = cli(
        "--config",
        str(home.parent / "a.toml"),
        "config",
        "check",
        "--config",
        str(home.parent / "b.toml"),
        "--json",
    )
    assert answer.document["changed"] == {"project": "b"}


def test_a_defect_is_one_line_and_debug_shows_where(capsys: pytest.CaptureFixture[str]):
    """An unforeseen exception gives exit code 1 and a hint; the traceback comes only on demand."""

    @cli_command("broken-for-test")
    def _broken() -> None:
        raise RuntimeError("two\nlines")

    try:
        assert run(["broken-for-test"]) == 1
        quiet = capsys.readouterr().err
        assert run(["broken-for-test", "--debug"]) == 1
        loud = capsys.readouterr().err
    finally:
        del cli.commands["broken-for-test"]
    assert quiet == "agentvoice: RuntimeError: two lines (a defect: --debug shows where)\n"
    assert "Traceback" in loud and loud.endswith("agentvoice: RuntimeError: two lines\n")


def cli_command(name: str):
    return cli.command(name)


def test_an_interrupt_ends_quietly_as_a_shell_expects(home: Path):
    """Ctrl-C gives exit code 130 and no traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "agentvoice", "agent", "import", "-"],
        env={"HOME": str(home.parent), "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        _wait_until_reading(running.pid)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err.strip()) == (130, b"", b"")


def _wait_until_reading(pid: int) -> None:
    """Return when the process waits in a read of its standard input (Linux: its system call)."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        call = Path(f"/proc/{pid}/syscall").read_text()
        if call.startswith("0 0x0 "):  # read(2) of descriptor 0
            return
    raise AssertionError("it never read its standard input")


def test_a_reader_that_goes_away_is_no_error(home: Path):
    """`agentvoice … | head` leaves no complaint on stderr."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "wb") as closed:
        result = subprocess.run(
            [sys.executable, "-m", "agentvoice", "config", "check"],
            env={"HOME": str(home.parent), "PATH": os.environ["PATH"]},
            stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert (result.returncode, result.stderr) == (1, b"")


def test_every_listed_command_is_there():
    """The table names modules and attributes that exist, under their own names."""
    context = cli.make_context("agentvoice", ["--version"], resilient_parsing=True, obj=Invocation())
    for listed in COMMANDS:
        command = cli.get_command(context, listed.name)
        assert command is not None
        assert command.name == listed.name
