"""Texts given as options: as they are, or from a file by `@FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agentvoice.errors import UsageError


class TextOption(click.ParamType[str]):
    """A text, `@FILE` for a file's text, `@-` for standard input; `@@…` for a text that begins so."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text. Raises UsageError naming the option when it cannot be had."""
        name = param.opts[0] if param is not None else "text"
        if value.startswith("@@"):
            return encodable(name, value[1:])
        if value.startswith("@"):
            return read_text(name, value[1:]).strip("\n")
        return encodable(name, value)


def read_text(name: str, place: str) -> str:
    """Return the UTF-8 text of the file `place`, or of standard input for `-`."""
    try:
        data = sys.stdin.buffer.read() if place == "-" else Path(place).expanduser().read_bytes()
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: {place}: got bytes that are not UTF-8, want UTF-8 text") from error
    except OSError as error:
        raise UsageError(f"{name}: {place} cannot be read: {error.strerror}") from error


def encodable(name: str, text: str) -> str:
    """Return `text`; raises UsageError when the command line held bytes that are not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"{name}: got bytes that are not UTF-8, want UTF-8 text") from None
    return text


def refuse_secret(name: str, text: str) -> str:
    """Return `text`; raises UsageError when it is a secret key: other users see process lists.

    The message does not repeat it.
    """
    folded = text.casefold()
    is_bunker = folded.startswith("bunker://")
    if is_bunker or "nsec1" in folded or folded.startswith("ncryptsec1"):
        got = "the address of a bunker" if is_bunker else "a secret key"
        raise UsageError(
            f"{name}: got {got}, want an npub or env:NAME; a command line is no place for a secret:"
            " give it to `agentvoice key import` on standard input, and regard this one as seen"
        )
    return text
