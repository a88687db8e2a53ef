"""Keys that commands are given, or that they make: always by reference, never the secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentvoice.adapters.key_files import CREDENTIAL, ENVIRONMENT, FILE
from agentvoice.adapters.signer import KeySigner
from agentvoice.cli.frame import Invocation
from agentvoice.cli.texts import read_text, refuse_secret
from agentvoice.errors import NotFound
from agentvoice.protocols.nostr.nip19 import decode_pubkey, encode_npub
from agentvoice.storage import keys
from agentvoice.storage.database import Database
from agentvoice.storage.keys import StoredKey


@contextmanager
def new_key(invocation: Invocation, label: str) -> Iterator[StoredKey]:
    """Make a key and its file; the file is taken back when the block that stores it fails."""
    with _stored(invocation, KeySigner.generate(), label) as key:
        yield key


@contextmanager
def named_key(invocation: Invocation, database: Database, field: str, name: str) -> Iterator[StoredKey]:
    """Give the key of `name`: an npub or hex we can sign as, `env:NAME`, `credential:NAME`, or
    `file:PATH` of an nsec.

    A file elsewhere is copied to the key files. Raises UsageError for a secret given as such,
    InvalidKey, NotFound (no signer for this pubkey) or KeyFileRefused.
    """
    refuse_secret(field, name)
    if name.startswith((ENVIRONMENT, CREDENTIAL)):
        signer = invocation.key_files().read(name)
        yield _key(invocation, signer, name, name.partition(":")[2])
    elif name.startswith(FILE) and not name.startswith(FILE + "npub1"):
        place = name.removeprefix(FILE)
        signer = KeySigner.from_text(f"{field}: {place}", read_text(field, place))
        with _stored(invocation, signer, Path(place).name) as key:
            yield key
    else:
        yield _known_key(invocation, database, field, name.removeprefix(FILE))


def _known_key(invocation: Invocation, database: Database, field: str, name: str) -> StoredKey:
    """Return a key of the database, or one whose file is there."""
    pubkey = decode_pubkey(field, name)
    npub = encode_npub(pubkey)
    with database.reading() as session:
        for key in keys.list_keys(session):
            if key.pubkey == pubkey:
                return key
    try:
        signer = invocation.key_files().read(FILE + npub)
    except NotFound:
        raise NotFound(
            f"{field}: nothing here can sign as {npub}: bring its nsec with `agentvoice key import`"
        ) from None
    return _key(invocation, signer, FILE + npub, "")


@contextmanager
def imported_key(invocation: Invocation, text: str, label: str) -> Iterator[StoredKey]:
    """Keep the key of an nsec in its file; taken back when the block that stores it fails."""
    with _stored(invocation, KeySigner.from_text("nsec", text), label) as key:
        yield key


@contextmanager
def _stored(invocation: Invocation, signer: KeySigner, label: str) -> Iterator[StoredKey]:
    files = invocation.key_files()
    was_there = FILE + signer.npub in files.list()
    reference = files.add(signer)
    try:
        yield _key(invocation, signer, reference, label)
    except BaseException:
        if not was_there:
            files.remove(reference)
        raise


def _key(invocation: Invocation, signer: KeySigner, reference: str, label: str) -> StoredKey:
    return StoredKey(signer.pubkey, signer.npub, reference, label, invocation.utc_ms())
