"""Keys that commands are given, or that they make: always by reference, never the secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentvoice.adapters.key_files import FILE, KeyForm, form_of
from agentvoice.adapters.key_store import CREDENTIAL, ENCRYPTED, ENVIRONMENT, open_encrypted
from agentvoice.adapters.signer import KeySigner
from agentvoice.cli.frame import Invocation
from agentvoice.cli.passphrases import read_passphrase, settings_passphrase
from agentvoice.cli.texts import read_text, refuse_secret
from agentvoice.core.secret import Secret
from agentvoice.errors import KeyNotHere, NotFound, UsageError
from agentvoice.protocols.nostr.nip19 import decode_pubkey, encode_npub
from agentvoice.storage import keys
from agentvoice.storage.database import Database
from agentvoice.storage.keys import StoredKey

STORE_FILE = "file"
STORE_DATABASE = "database"
STORES = (STORE_FILE, STORE_DATABASE)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a command wants a key kept; `passphrase` is a reference, "" for the one of the settings."""

    store: str = STORE_FILE
    passphrase: str = ""
    replace: bool = False


IN_FILES = Keeping()


@contextmanager
def new_key(invocation: Invocation, label: str, keeping: Keeping = IN_FILES) -> Iterator[StoredKey]:
    """Make a key and keep it; a file is taken back when the block that stores the key fails."""
    signer = KeySigner.generate()
    with _kept(invocation, signer, Secret(signer.reveal()), label, keeping) as key:
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
        signer = invocation.key_store(database).read(name)
        yield _key(invocation, signer, name, name.partition(":")[2])
    elif name.startswith(FILE) and not name.startswith(FILE + "npub1"):
        place = name.removeprefix(FILE)
        text = Secret(read_text(field, place))
        with _imported(invocation, f"{field}: {place}", text, Path(place).name, IN_FILES) as key:
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
        invocation.key_files().read_text(FILE + npub)
    except NotFound:
        raise NotFound(
            f"{field}: nothing here can sign as {npub}: bring its nsec with `agentvoice key import`"
        ) from None
    return StoredKey(pubkey, npub, FILE + npub, "", invocation.utc_ms())


@contextmanager
def imported_key(
    invocation: Invocation, text: Secret[str], label: str, keeping: Keeping
) -> Iterator[StoredKey]:
    """Keep the key of an nsec or ncryptsec; taken back when the block that stores it fails."""
    field = "ncryptsec" if text.open_to(form_of) is KeyForm.ENCRYPTED else "nsec"
    with _imported(invocation, field, text, label, keeping) as key:
        yield key


@contextmanager
def _imported(
    invocation: Invocation, field: str, text: Secret[str], label: str, keeping: Keeping
) -> Iterator[StoredKey]:
    if text.open_to(form_of) is KeyForm.ENCRYPTED:
        # It is kept encrypted: who encrypted a key does not want it in clear.
        passphrase = read_passphrase(invocation, keeping.passphrase, is_new=False)
        signer = open_encrypted(field, text, passphrase, "that was given")
        if keeping.store == STORE_DATABASE and keeping.passphrase:
            text = _encrypted_anew(invocation, signer, text)
        with _kept(invocation, signer, text, label, keeping) as key:
            yield key
    else:
        signer = KeySigner.from_text(field, text)
        with _kept(invocation, signer, Secret(signer.reveal()), label, keeping) as key:
            yield key


def _encrypted_anew(invocation: Invocation, signer: KeySigner, text: Secret[str]) -> Secret[str]:
    """Return the key under the passphrase of the settings, which opens all; as it came if that is not here."""
    try:
        return Secret(signer.seal(settings_passphrase(invocation)))
    except KeyNotHere:
        return text


@contextmanager
def _kept(
    invocation: Invocation, signer: KeySigner, text: Secret[str], label: str, keeping: Keeping
) -> Iterator[StoredKey]:
    if keeping.store == STORE_DATABASE:
        if text.open_to(form_of) is not KeyForm.ENCRYPTED:
            text = Secret(signer.seal(read_passphrase(invocation, keeping.passphrase, is_new=True)))
        yield StoredKey(
            signer.pubkey,
            signer.npub,
            ENCRYPTED + signer.npub,
            label,
            invocation.utc_ms(),
            text.open_to(str.strip).lower(),
        )
        return
    if keeping.passphrase and text.open_to(form_of) is KeyForm.PLAIN:
        raise UsageError(
            "--passphrase: got one for a key that a file would hold in clear: --store database encrypts it"
        )
    files = invocation.key_files()
    before = files.read_text(FILE + signer.npub) if FILE + signer.npub in files.list() else None
    reference = files.add_text(signer.npub, text, replace=keeping.replace)
    try:
        yield _key(invocation, signer, reference, label)
    except BaseException:
        if before is None:
            files.remove(reference)
        else:
            files.add_text(signer.npub, before, replace=True)
        raise


def _key(invocation: Invocation, signer: KeySigner, reference: str, label: str) -> StoredKey:
    return StoredKey(signer.pubkey, signer.npub, reference, label, invocation.utc_ms())
