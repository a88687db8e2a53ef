"""Every key we sign with, by its reference, wherever its secret is kept.

`file:<npub>` is a key file, `env:NAME` a variable, `credential:NAME` what systemd gives the unit
(LoadCredential=, ImportCredential=), `ncryptsec:<npub>` an encrypted key of the database (NIP-49).
What is kept there decides how it signs: an nsec or 64 hex digits sign here; an ncryptsec does once
the passphrase of the settings has opened it; the link to a bunker (NIP-46) is asked.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agentvoice.adapters.key_files import FILE, KeyFiles, KeyForm, form_of
from agentvoice.adapters.secret_texts import read_credential, read_private, read_variable
from agentvoice.adapters.signer import KeySigner
from agentvoice.config.settings import Settings
from agentvoice.core.ports import Signer
from agentvoice.core.secret import Secret
from agentvoice.errors import AgentVoiceError, InvalidKey, KeyNotHere, NotFound, Refused
from agentvoice.protocols.nostr import nip49
from agentvoice.protocols.nostr.nip19 import decode_pubkey, encode_npub
from agentvoice.protocols.nostr.nip46 import BunkerLink, decode_link

ENVIRONMENT = "env:"
CREDENTIAL = "credential:"
ENCRYPTED = "ncryptsec:"
PASSPHRASE = "keys.passphrase"
"""The setting that says where the passphrase is; it names it in errors."""

FindEncrypted = Callable[[str], str]
"""Give an npub, get its ncryptsec of the database, "" if there is none."""

OpenBunker = Callable[[BunkerLink, str], Signer]
"""Give a bunker's link and the hex public key it signs as, get its signer; nothing is asked yet."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """Whether this process can sign with a key: `problem` says why not, "" if it can."""

    form: KeyForm | None
    problem: str = ""

    @property
    def can_sign(self) -> bool:
        """Whether it can."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class _KeptKey:
    """A text as it is kept. `npub`: whose it must be, "" where the place does not say."""

    field: str
    text: Secret[str]
    npub: str = ""

    @property
    def form(self) -> KeyForm:
        return self.text.open_to(form_of)


class KeyStore:
    """Loads signers. An encrypted key is opened once and then held, since that takes a third of a second."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        find_encrypted: FindEncrypted,
        open_bunker: OpenBunker | None = None,
    ) -> None:
        self._files = KeyFiles(settings.keys_folder)
        self._environment = environment
        self._passphrase = settings.keys.passphrase
        self._find_encrypted = find_encrypted
        self._open_bunker = open_bunker
        self._opened: dict[str, KeySigner] = {}
        # What a passphrase did not open: many waiting threads must not try it again each minute.
        self._failed: dict[str, tuple[Secret[str], str]] = {}
        self._opening = threading.Lock()  # each opening takes 64 MiB: one at a time

    async def load(self, reference: str) -> Signer:
        """Return the signer of a reference (a core.ports.LoadSigner); the event loop is not held up.

        Raises KeyNotHere (another process may have the key), InvalidKey, KeyFileRefused or NotFound.
        """
        kept = await asyncio.to_thread(self._find, reference)
        if kept.form is not KeyForm.BUNKER:
            return await asyncio.to_thread(self._signer, kept)
        link = _link(kept)
        if self._open_bunker is None:
            raise KeyNotHere(f"{kept.field}: a bunker holds this key, and this process can ask none")
        return self._open_bunker(link, decode_pubkey(kept.field, kept.npub))

    def read(self, reference: str) -> KeySigner:
        """Return the signer of a key whose secret can be had here, for callers without an event loop.

        Raises as `load`, and Refused if a bunker holds the secret. An encrypted key takes its time.
        """
        kept = self._find(reference)
        if kept.form is KeyForm.BUNKER:
            raise Refused(f"{kept.field}: a bunker holds the secret key, and gives it to nobody")
        return self._signer(kept)

    def look(self, reference: str) -> KeyState:
        """Return whether this process can sign. An encrypted key is opened; a bunker is not asked."""
        form = None
        try:
            kept = self._find(reference)
            form = kept.form
            if form is KeyForm.BUNKER:
                _link(kept)
            else:
                self._signer(kept)
        except AgentVoiceError as error:
            return KeyState(form, str(error))
        return KeyState(form)

    def _find(self, reference: str) -> _KeptKey:
        _, _, name = reference.partition(":")
        if reference.startswith(FILE):
            path = self._files.path(reference)
            return _KeptKey(f"key file {path}", self._files.read_text(reference), path.name)
        if reference.startswith(ENVIRONMENT):
            return _KeptKey(f"environment variable {name}", read_variable("key", name, self._environment))
        if reference.startswith(CREDENTIAL):
            return _KeptKey(f"credential {name}", read_credential("key", name, self._environment))
        if reference.startswith(ENCRYPTED):
            return self._find_in_database(name)
        raise InvalidKey(
            f"key reference: got {_shown(reference)}, want file:<npub>, env:NAME, credential:NAME or ncryptsec:<npub>"
        )

    def _find_in_database(self, name: str) -> _KeptKey:
        npub = encode_npub(decode_pubkey("key reference", name))
        text = self._find_encrypted(npub)
        if not text:
            raise NotFound(f"key {ENCRYPTED}{npub}: the database has no such key")
        return _KeptKey(f"key {ENCRYPTED}{npub}", Secret(text), npub)

    def _signer(self, kept: _KeptKey) -> KeySigner:
        if kept.form is KeyForm.ENCRYPTED:
            signer = self._decrypt(kept)
        else:
            signer = KeySigner.from_text(kept.field, kept.text)
        if kept.npub and signer.npub != kept.npub:
            raise InvalidKey(f"{kept.field}: holds the key of {signer.npub}, want that of its name")
        return signer

    def _decrypt(self, kept: _KeptKey) -> KeySigner:
        with self._opening:
            known = self._opened.get(kept.text.reveal())
            return known or self._open(kept, self.passphrase())

    def _open(self, kept: _KeptKey, passphrase: Secret[str]) -> KeySigner:
        tried = self._failed.get(kept.text.reveal())
        if tried and tried[0].reveal() == passphrase.reveal():
            raise KeyNotHere(tried[1])
        try:
            signer = open_encrypted(kept.field, kept.text, passphrase, f"of {PASSPHRASE}")
        except KeyNotHere as error:
            self._failed[kept.text.reveal()] = (passphrase, str(error))
            raise
        self._opened[kept.text.reveal()] = signer
        return signer

    def passphrase(self) -> Secret[str]:
        """Return the passphrase that the settings name; raises KeyNotHere if it is not here.

        Raises also KeyFileRefused (a file that others could read), or InvalidKey (no text).
        """
        return settings_passphrase(self._passphrase, self._environment)


def settings_passphrase(reference: str, environment: Mapping[str, str]) -> Secret[str]:
    """Return the passphrase at the reference of the setting `keys.passphrase`; raises as `read_passphrase`."""
    if not reference:
        raise KeyNotHere(
            f"{PASSPHRASE}: is not set, want where the passphrase is: credential:NAME, file:PATH or env:NAME"
        )
    return read_passphrase(PASSPHRASE, reference, environment)


def open_encrypted(field: str, text: Secret[str], passphrase: Secret[str], of: str) -> KeySigner:
    """Return the signer of an ncryptsec; `of` says in the error which passphrase was tried.

    Raises InvalidKey (no ncryptsec), or KeyNotHere: with the right passphrase another process can sign.
    """
    text.open_to(partial(nip49.decode_ncryptsec, field))
    try:
        return text.open_to(partial(nip49.decrypt_secret, field, passphrase=passphrase)).open_to(KeySigner)
    except InvalidKey:  # its form is right, so the passphrase is not
        raise KeyNotHere(f"{field}: the passphrase {of} does not open it") from None


def read_passphrase(what: str, reference: str, environment: Mapping[str, str]) -> Secret[str]:
    """Return the passphrase at `env:NAME`, `file:PATH` or `credential:NAME`, without its line end.

    Raises KeyNotHere if nothing is there, KeyFileRefused, or InvalidKey; nothing of it is repeated.
    """
    _, _, place = reference.partition(":")
    try:
        if reference.startswith(ENVIRONMENT):
            text = read_variable(what, place, environment)
        elif reference.startswith(CREDENTIAL):
            text = read_credential(what, place, environment)
        else:
            text = read_private(what, Path(place))
    except KeyNotHere:
        raise
    except NotFound as error:
        raise KeyNotHere(str(error)) from None
    passphrase = Secret(text.reveal().rstrip("\r\n"))
    if not passphrase.reveal():
        raise KeyNotHere(f"{what} {reference}: got nothing, want a passphrase")
    if not passphrase.reveal().isprintable() or "\ufffd" in passphrase.reveal():
        raise InvalidKey(f"{what} {reference}: got line ends or controls, want one line of UTF-8 text")
    return passphrase


def _link(kept: _KeptKey) -> BunkerLink:
    if not kept.npub:
        raise InvalidKey(
            f"{kept.field}: got a bunker, want it paired with `agentvoice key import`, which makes a key file"
        )
    return kept.text.open_to(partial(decode_link, kept.field))


def _shown(reference: str) -> str:
    """The scheme alone: somebody may have pasted the secret itself."""
    scheme, colon, _ = reference.partition(":")
    return f"{scheme[:10]!r}:…" if colon else "a value without file:, env:, credential: or ncryptsec:"
