"""Secret texts where the operator put them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentvoice.adapters.secret_texts import (
    MAX_FILE_BYTES,
    read_credential,
    read_private,
    read_variable,
    write_private,
)
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, KeyFileRefused, KeyNotHere, NotFound


@pytest.fixture
def path(tmp_path: Path) -> Path:
    assert write_private(tmp_path / "secret", Secret("swordfish\n"))
    return tmp_path / "secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o601, 0o620])
def test_a_file_others_could_read_is_refused(path: Path, mode: int):
    """Any right of group or others is too many; the message says how to mend it."""
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match=f"mode is {mode:04o}, want 0600: run `chmod 600`"):
        read_private("key", path)


def test_a_stricter_mode_is_fine(path: Path):
    """0400 is private too."""
    path.chmod(0o400)
    assert read_private("key", path).reveal() == "swordfish\n"


def test_a_long_file_is_something_else(path: Path):
    """It is refused before it is read."""
    path.write_text("x" * (MAX_FILE_BYTES + 1))
    with pytest.raises(InvalidKey, match=f"key file .*secret: got more than {MAX_FILE_BYTES} bytes"):
        read_private("key", path)


def test_a_file_that_is_not_there(tmp_path: Path):
    """It is named with what it should hold."""
    with pytest.raises(NotFound, match=r"passphrase file .*none: does not exist"):
        read_private("passphrase", tmp_path / "none")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/etc/hostname"),
        lambda path: path.mkdir(0o700),
        lambda path: os.mkfifo(path, 0o600),
    ],
    ids=["link", "folder", "pipe"],
)
def test_what_is_no_file(tmp_path: Path, make):
    """A link, a folder or a pipe is refused, without waiting for it."""
    make(tmp_path / "odd")
    with pytest.raises(KeyFileRefused):
        read_private("key", tmp_path / "odd")


def test_a_file_is_replaced_only_when_asked(path: Path):
    """Otherwise what is there stays; no draft is left either way."""
    assert not write_private(path, Secret("other"))
    assert path.read_text() == "swordfish\n"
    assert write_private(path, Secret("other"), replace=True)
    assert path.read_text() == "other"
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]


def test_a_variable():
    """It is read where it is set; elsewhere another process may have it."""
    assert read_variable("key", "ADA", {"ADA": "x"}).reveal() == "x"
    for environment in ({}, {"ADA": ""}):
        with pytest.raises(KeyNotHere, match="key env:ADA: the environment variable is not set here"):
            read_variable("key", "ADA", environment)


def test_a_systemd_credential(path: Path):
    """It is read from the folder that systemd names, and from nowhere else."""
    path.chmod(0o440)  # what an access list of systemd's looks like
    environment = {"CREDENTIALS_DIRECTORY": str(path.parent)}
    assert read_credential("key", "secret", environment).reveal() == "swordfish\n"
    for elsewhere in ("../x", "..", "", "/etc/x"):
        with pytest.raises(InvalidKey, match="want the name of a credential"):
            read_credential("key", elsewhere, environment)


@pytest.mark.parametrize("environment", [{}, {"CREDENTIALS_DIRECTORY": "/nowhere"}])
def test_a_credential_that_is_not_here(environment: dict[str, str]):
    """Another process, the daemon, may have it: worth trying again; the unit's line is named."""
    with pytest.raises(KeyNotHere, match="LoadCredential=ada_nsec:PATH"):
        read_credential("key", "ada_nsec", environment)
