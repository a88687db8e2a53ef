"""Passphrases of encrypted keys: by reference or typed unseen, never on the command line."""

from __future__ import annotations

import os
import sys

import click

from agentvoice.adapters import key_store
from agentvoice.cli.frame import Invocation
from agentvoice.cli.texts import refuse_secret
from agentvoice.config.secrets import check_secret_reference
from agentvoice.core.secret import Environment, Secret
from agentvoice.errors import KeyNotHere, UsageError

OPTION = "--passphrase"


def read_passphrase(invocation: Invocation, reference: str, *, is_new: bool) -> Secret[str]:
    """Return the passphrase of `--passphrase REF`, else of the settings, else as typed (twice if new).

    Raises UsageError (no reference), KeyNotHere (none can be had here), KeyFileRefused or InvalidKey.
    """
    if reference:
        check_secret_reference(OPTION, refuse_secret(OPTION, reference))
        return key_store.read_passphrase(OPTION, reference, Environment(os.environ))
    try:
        return settings_passphrase(invocation)
    except KeyNotHere as error:
        missing = str(error)
    if not sys.stdin.isatty():
        raise KeyNotHere(f"{OPTION}: got none, want env:NAME, file:PATH or credential:NAME ({missing})")
    typed = Secret(str(click.prompt("passphrase", hide_input=True, err=True, confirmation_prompt=is_new)))
    if not typed.reveal().isprintable():
        raise UsageError("passphrase: got controls, want one line of text")
    return typed


def settings_passphrase(invocation: Invocation) -> Secret[str]:
    """Return the passphrase that the settings name; raises KeyNotHere if it is not here."""
    wanted = invocation.settings.keys.passphrase
    return key_store.settings_passphrase(wanted, Environment(os.environ))
