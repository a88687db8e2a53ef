"""Secrets by reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.config import read_secret
from agentvoice.errors import ConfigError


def test_a_secret_is_read_from_each_place(tmp_path: Path):
    """Environment, file and systemd credential give the secret without its line end."""
    (tmp_path / "key").write_text("abc\n")
    assert read_secret("x", "env:KEY", {"KEY": " abc "}) == "abc"
    assert read_secret("x", f"file:{tmp_path}/key", {}) == "abc"
    assert read_secret("x", "credential:key", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "abc"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:NONE", "api_key: got env:NONE, want the environment variable NONE to be set"),
        ("file:/none", "api_key: got file:/none, want a text file that can be read"),
        ("credential:k", "api_key: got credential:k, want a systemd unit with LoadCredential=k:PATH"),
        ("env:", "api_key: got a value, want a reference: env:NAME, file:PATH or credential:NAME"),
    ],
)
def test_a_missing_secret_is_named(reference: str, message: str):
    """The message says which setting points where, and what should be there."""
    with pytest.raises(ConfigError) as caught:
        read_secret("api_key", reference, {})
    assert str(caught.value) == message


def test_an_empty_file_is_no_secret(tmp_path: Path):
    """A file that somebody forgot to fill is refused here, not by the provider."""
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ConfigError, match="want a file that is not empty"):
        read_secret("api_key", f"file:{tmp_path}/key", {})


@pytest.mark.parametrize("secret", ["abc\u2026def", "abc def", "abc\r\nX-Other: def", "abc\x00def"])
def test_what_no_header_takes_is_refused_without_being_shown(tmp_path: Path, secret: str):
    """A key with a pasted ellipsis or a second line is named by its setting; nothing of it is repeated."""
    (tmp_path / "key").write_bytes(secret.encode())
    with pytest.raises(ConfigError, match=r"api_key: .* want one line of ASCII") as caught:
        read_secret("api_key", f"file:{tmp_path}/key", {})
    assert "def" not in str(caught.value)


def test_a_key_in_the_place_of_its_name_is_not_repeated():
    """`env:` before the key itself is a reference to nothing, and is not quoted."""
    with pytest.raises(ConfigError) as caught:
        read_secret("api_key", "env:not-a-name", {})
    assert (
        str(caught.value) == "api_key: got a value, want a reference: env:NAME, file:PATH or credential:NAME"
    )
