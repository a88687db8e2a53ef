"""Keys that a bunker holds: paired once by `key import`, then known by the link in their key file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentvoice.adapters.key_files import FILE
from agentvoice.adapters.remote_signer import Bunkers
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.cli.frame import Invocation
from agentvoice.core.secret import Secret
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.protocols.nostr.nip46 import BunkerAddress, BunkerLink, decode_address, encode_link
from agentvoice.storage.keys import StoredKey


@contextmanager
def paired_key(invocation: Invocation, text: Secret[str], label: str) -> Iterator[StoredKey]:
    """Ask the bunker of a `bunker://` address to let us sign, and keep the link in a key file.

    The address's one-time secret is used up by it and kept nowhere. An older link to the same key is
    replaced; a file with the key itself never is. Taken back when the block that stores it fails.
    Raises InvalidKey, SignerRefused, TimedOut or KeyFileRefused.
    """
    address = text.open_to(_read_address)
    invocation.quieten_logs()  # a bunker that wants its owner's approval says so there
    pubkey, link = asyncio.run(_pair(invocation, address))
    npub = encode_npub(pubkey)
    files = invocation.key_files()
    path = invocation.settings.keys_folder / npub
    was_there = path.exists()
    reference = files.add_text(npub, encode_link(link), replace=was_there and _holds_link(path))
    try:
        yield StoredKey(pubkey, npub, reference, label, invocation.utc_ms())
    except BaseException:
        if not was_there:
            files.remove(FILE + npub)
        raise


def _read_address(text: str) -> BunkerAddress:
    return decode_address("bunker address", text)


def _holds_link(path: Path) -> bool:
    return path.read_bytes().startswith(b"bunker://")


async def _pair(invocation: Invocation, address: BunkerAddress) -> tuple[str, BunkerLink]:
    settings = invocation.settings
    bunkers = Bunkers(settings.relays, settings.bunker, SystemClock())
    try:
        return await bunkers.pair(address)
    finally:
        await bunkers.close()
