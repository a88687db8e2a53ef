"""Texts given as options."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.cli.texts import TextOption, encodable, read_text, refuse_secret
from agentvoice.errors import UsageError


def test_a_text_may_come_from_a_file(tmp_path: Path):
    """`@FILE` reads it without the line end, `@@` is an at sign, anything else is itself."""
    (tmp_path / "a").write_text("two\nlines\n", encoding="utf-8")
    option = TextOption()
    assert option.convert(f"@{tmp_path}/a", None, None) == "two\nlines"
    assert option.convert("@@home", None, None) == "@home"
    assert option.convert("me@home", None, None) == "me@home"


def test_bytes_that_are_no_text_are_named(tmp_path: Path):
    """Neither a file nor the command line may smuggle in what is not UTF-8."""
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="want UTF-8"):
        read_text("--x", str(tmp_path / "a"))
    with pytest.raises(UsageError, match="--x: got bytes"):
        encodable("--x", b"\xff".decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("text", ["nsec1abc", "NSEC1ABC", "file:nsec1abc", "ncryptsec1abc"])
def test_secrets_are_recognised_in_any_dress(text: str):
    """Upper case or behind a prefix, a secret key is refused without an echo."""
    with pytest.raises(UsageError) as caught:
        refuse_secret("--key", text)
    assert text not in str(caught.value)


def test_public_names_pass():
    """What may be on a command line is given back."""
    assert refuse_secret("--key", "env:ADA_NSEC") == "env:ADA_NSEC"
