"""`python -m agentvoice`."""

from __future__ import annotations

import importlib
import subprocess
import sys

from agentvoice import __version__


def test_it_is_the_program():
    """Output, complaints and exit codes are those of `agentvoice`, and so is the name."""
    command = (sys.executable, "-m", "agentvoice")
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert version.stdout == f"agentvoice {__version__}\n"
    wrong = subprocess.run([*command, "nothing"], capture_output=True, text=True, timeout=60, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("agentvoice: ")


def test_importing_it_runs_nothing():
    """A tool that imports every module must not start a command."""
    assert importlib.import_module("agentvoice.__main__").__name__ == "agentvoice.__main__"
