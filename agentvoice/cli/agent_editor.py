"""An agent's profile in the user's own editor."""

from __future__ import annotations

import os
import sys

import click

from agentvoice.core.agent import AgentProfile
from agentvoice.errors import UsageError
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.protocols.profile_toml import decode_profile, encode_profile


def edit_profile(profile: AgentProfile) -> tuple[AgentProfile, str]:
    """Return the profile as it was edited, and its key's name if that was changed.

    A wrong edit can be mended when somebody sits at the terminal. Raises UsageError, and when there
    is neither an editor nor a terminal.
    """
    if not (os.environ.get("VISUAL") or os.environ.get("EDITOR") or sys.stdin.isatty()):
        raise UsageError("edit: got no option and no $EDITOR, want an option such as --greeting TEXT")
    own_key = encode_npub(profile.pubkey) if profile.pubkey else ""
    text = encode_profile(profile, own_key)
    while True:
        edited = click.edit(text, extension=".toml", require_save=False)
        text = text if edited is None else edited
        try:
            file = decode_profile(text, "the edited profile")
            if file.profile.slug != profile.slug:
                raise UsageError(
                    f"slug: got {file.profile.slug!r}, want {profile.slug!r}: a slug never changes"
                )
        except UsageError as error:
            if not sys.stdin.isatty():
                raise
            click.echo(f"agentvoice: {error}", err=True)
            click.confirm("Edit again?", default=True, abort=True, err=True)
            continue
        return file.profile, "" if file.key == own_key else file.key
