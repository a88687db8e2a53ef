"""A signing key of its own for what is made: the key's file first, and taken back if that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agentvoice.core.ports import KeyMaker
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.storage.keys import StoredKey


@contextmanager
def made_key(key_maker: KeyMaker, label: str, now: int) -> Iterator[StoredKey]:
    """Make a key; it is forgotten again when the block that stores it fails.

    So nothing comes to be that cannot sign, and no secret stays that nothing uses.
    """
    reference, pubkey = key_maker.create()
    try:
        yield StoredKey(pubkey, encode_npub(pubkey), reference, label, now)
    except BaseException:
        key_maker.remove(reference)
        raise
