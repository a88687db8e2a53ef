"""`agentvoice model`: as a process, with the exit codes of section Interfaces."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from agentvoice.adapters.local_speech.catalog import find_model
from agentvoice.adapters.local_speech.model_store import ModelStore
from agentvoice.cli.model import show_progress

SMOLLM = find_model("smollm2-135m-instruct")


def agentvoice(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from agentvoice.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_list_says_what_is_installed():
    """Models inside packages are there, others are not; the text has a row for each."""
    done = agentvoice("model", "list", "--json")
    models = {model["name"]: model for model in json.loads(done.stdout)["models"]}
    assert models["hibari"]["installed"]
    assert not models[SMOLLM.name]["installed"]
    assert models[SMOLLM.name]["sha256"] == SMOLLM.sha256
    assert all(name in agentvoice("model", "list").stdout for name in models)


def test_installing_what_is_there_changes_nothing(own_home):
    """A file in full size is the model; removing takes it away."""
    path = ModelStore(own_home / "models").path(SMOLLM.name)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(SMOLLM.size_bytes)
    assert json.loads(agentvoice("model", "install", SMOLLM.name, "--json").stdout)["path"] == str(path)
    assert agentvoice("model", "remove", SMOLLM.name).returncode == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("install", "gpt-9"), 3, "model gpt-9: not known; known are"),
        (("remove", "smollm2-135m-instruct"), 3, "not installed"),
        (("remove", "hibari"), 4, "part of the package hibari-tts"),
        (("install",), 2, "Missing argument"),
    ],
)
def test_each_refusal_is_one_line_with_its_exit_code(arguments, exit_code, words):
    """Not found, refused and wrong usage."""
    done = agentvoice("model", *arguments)
    assert done.returncode == exit_code
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_terminal_the_progress_is_one_line(capsys):
    """Logs get the model's name, size and licence once."""
    progress = show_progress(SMOLLM)
    for done_bytes in range(0, SMOLLM.size_bytes, 10_000_000):
        progress(done_bytes, SMOLLM.size_bytes)
    progress(SMOLLM.size_bytes, SMOLLM.size_bytes)
    assert capsys.readouterr().err == "fetching smollm2-135m-instruct (98 MB, Apache-2.0)\n"
