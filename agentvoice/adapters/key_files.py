"""The key files: one for each key, `<folder>/<npub>`, mode 0600; its reference is `file:<npub>`.

A file holds an nsec, an ncryptsec (NIP-49), or the link to a bunker (NIP-46). It is made whole or
not at all, and overwritten only by `replace`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from agentvoice.adapters.secret_texts import read_private, write_private
from agentvoice.adapters.signer import KeySigner
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, KeyFileRefused, NotFound
from agentvoice.protocols.nostr import nip49
from agentvoice.protocols.nostr.nip19 import decode_pubkey, encode_npub
from agentvoice.protocols.nostr.nip46 import is_bunker_address

FILE = "file:"
FOLDER_MODE = 0o700


class KeyForm(StrEnum):
    """In which form a secret is kept."""

    PLAIN = "plain"
    ENCRYPTED = "encrypted"
    BUNKER = "bunker"


def form_of(text: str) -> KeyForm:
    """Return what a kept text means to be, right or wrong."""
    if text.strip().lower().startswith(f"{nip49.PREFIX}1"):
        return KeyForm.ENCRYPTED
    return KeyForm.BUNKER if is_bunker_address(text) else KeyForm.PLAIN


class KeyFiles:
    """The key files of one folder (`$AGENTVOICE_HOME/keys`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self) -> tuple[str, str]:
        """Make a new key and its file; return (reference, hex public key)."""
        signer = KeySigner.generate()
        return self.add(signer), signer.pubkey

    def add(self, signer: KeySigner) -> str:
        """Store the signer's nsec and return its reference; a file that is there is kept.

        Raises KeyFileRefused if the folder or file cannot be written, or is open to others.
        """
        return self.add_text(signer.npub, Secret(signer.reveal()))

    def add_text(self, npub: str, text: Secret[str], *, replace: bool = False) -> str:
        """Store what signs as `npub` and return its reference; a file that is there is kept.

        With `replace` it is overwritten. Raises as `add`, also if the file has another form.
        """
        path = self._folder / npub
        try:
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            line = Secret(text.reveal().rstrip() + "\n")
            if not write_private(path, line, replace=replace):
                _check_same(path, npub, text.open_to(form_of))
        except OSError as error:
            raise KeyFileRefused(f"key file {path}: cannot be written: {error.strerror}") from error
        return FILE + npub

    def read_text(self, reference: str) -> Secret[str]:
        """Return the text of a key file; raises InvalidKey, KeyFileRefused or NotFound."""
        return read_private("key", self.path(reference))

    def list(self) -> tuple[str, ...]:
        """Return the references of all key files, sorted."""
        if not self._folder.is_dir():
            return ()
        names = sorted(path.name for path in self._folder.iterdir() if path.name.startswith("npub1"))
        return tuple(FILE + name for name in names)

    def remove(self, reference: str) -> None:
        """Delete a key file; raises NotFound, or InvalidKey if the reference is not a file's."""
        path = self.path(reference)
        try:
            path.unlink()
        except FileNotFoundError:
            raise NotFound(f"key file {path}: does not exist") from None
        except OSError as error:
            raise KeyFileRefused(f"key file {path}: cannot be removed: {error.strerror}") from error

    def path(self, reference: str) -> Path:
        """Return where the file of a reference is; raises InvalidKey."""
        if not reference.startswith(FILE):
            raise InvalidKey("key reference: got another one, want file:<npub>")
        # Decoding first: the name must be an npub, so it can never lead out of the folder.
        pubkey = decode_pubkey("key reference", reference.removeprefix(FILE))
        return self._folder / encode_npub(pubkey)


def _check_same(path: Path, npub: str, form: KeyForm) -> None:
    """Raise unless the file that is there can stand for the one that was to be made."""
    found = read_private("key", path)
    if found.open_to(form_of) is not form:
        raise KeyFileRefused(
            f"key file {path}: has the key in another form: `agentvoice key import --replace` changes it"
        )
    if form is KeyForm.PLAIN:
        signer = KeySigner.from_text(f"key file {path}", found)
        if signer.npub != npub:
            raise InvalidKey(f"key file {path}: holds the key of {signer.npub}, want that of its name")
