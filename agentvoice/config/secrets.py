"""Secrets by reference: settings and profiles say where a secret is, never what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from agentvoice.errors import ConfigError

SECRET_KINDS = ("env", "file", "credential")
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"  # set by systemd for LoadCredential=

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Keys and tokens go into HTTP headers. Libraries that find one unfit quote it in their error.
_SECRET = re.compile(r"[!-~]+")


def check_secret_reference(name: str, reference: str) -> None:
    """Raise ConfigError unless `reference` is `env:NAME`, `file:PATH` or `credential:NAME`.

    The message never repeats the value: it may be the secret itself, put in the wrong place.
    """
    kind, _, place = reference.partition(":")
    is_key_itself = kind == "env" and not _VARIABLE.fullmatch(place)  # `env:sk-…`
    if kind not in SECRET_KINDS or not place or is_key_itself:
        raise ConfigError(f"{name}: got a value, want a reference: env:NAME, file:PATH or credential:NAME")


def read_secret(name: str, reference: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the secret that `reference` names, without surrounding blanks and line ends.

    `name` is the setting that holds the reference. Raises ConfigError when nothing is there, or what
    no key can be; the message never repeats what was found.
    """
    secret = _find_secret(name, reference, environ)
    if not _SECRET.fullmatch(secret):
        raise ConfigError(
            f"{name}: got blanks, line ends or letters that no key has in {reference}, want one line of ASCII"
        )
    return secret


def _find_secret(name: str, reference: str, environ: Mapping[str, str] | None) -> str:
    check_secret_reference(name, reference)
    environ = os.environ if environ is None else environ
    kind, _, place = reference.partition(":")
    if kind == "env":
        secret = environ.get(place, "").strip()
        if not secret:
            raise ConfigError(f"{name}: got {reference}, want the environment variable {place} to be set")
        return secret
    if kind == "credential":
        folder = environ.get(CREDENTIALS_VARIABLE)
        if not folder:
            raise ConfigError(
                f"{name}: got {reference}, want a systemd unit with LoadCredential={place}:PATH"
            )
        path = Path(folder) / place
    else:
        path = Path(place)
    try:
        secret = path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError, RuntimeError):  # no text, a NUL in the path, ~ of nobody
        raise ConfigError(f"{name}: got {reference}, want a text file that can be read") from None
    if not secret:
        raise ConfigError(f"{name}: got {reference}, want a file that is not empty")
    return secret
