"""Where signing keys are kept: one file each, an environment variable, or a systemd credential.

`file:<npub>` is `<folder>/<npub>`, mode 0600, holding the nsec; `env:NAME` is a variable;
`credential:NAME` is what systemd gives the unit under that name (LoadCredential=, ImportCredential=).
The database knows references only. A key file is made whole or not at all, and never overwritten.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from agentvoice.adapters.signer import KeySigner
from agentvoice.config.secrets import CREDENTIALS_VARIABLE
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, KeyFileRefused, KeyNotHere, NotFound
from agentvoice.protocols.nostr.nip19 import decode_pubkey, encode_npub

FILE = "file:"
ENVIRONMENT = "env:"
CREDENTIAL = "credential:"
FOLDER_MODE = 0o700
FILE_MODE = 0o600
MAX_FILE_BYTES = 1_024
"""An nsec has 63 characters; a longer file is something else."""


_CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,255}")


class KeyFiles:
    """The key files of one folder (`$AGENTVOICE_HOME/keys`) and the keys of the environment."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def create(self) -> tuple[str, str]:
        """Make a new key and its file; return (reference, hex public key)."""
        signer = KeySigner.generate()
        return self.add(signer), signer.pubkey

    def add(self, signer: KeySigner) -> str:
        """Store the signer's key and return its reference; a file that holds it already is kept.

        Raises KeyFileRefused if the folder or file cannot be written, or is open to others.
        """
        path = self._folder / signer.npub
        try:
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            if not _create_file(path, signer.reveal() + "\n"):
                self._read(path)
        except OSError as error:
            raise KeyFileRefused(f"key file {path}: cannot be written: {error.strerror}") from error
        return FILE + signer.npub

    async def load(self, reference: str) -> KeySigner:
        """Return the signer of `file:<npub>`, `env:NAME` or `credential:NAME` (a core.ports.LoadSigner).

        Raises InvalidKey, KeyFileRefused or NotFound.
        """
        return self.read(reference)

    def read(self, reference: str) -> KeySigner:
        """Return the signer of a reference, as `load` does, for callers without an event loop."""
        if reference.startswith(FILE):
            return self._read(self._path(reference))
        if reference.startswith(ENVIRONMENT):
            name = reference.removeprefix(ENVIRONMENT)
            if not self._environment.get(name):
                raise KeyNotHere(f"key env:{name}: the environment variable is not set here")
            return KeySigner.from_text(f"environment variable {name}", Secret(self._environment[name]))
        if reference.startswith(CREDENTIAL):
            return self._read_credential(reference.removeprefix(CREDENTIAL))
        raise InvalidKey(
            f"key reference: got {_shown(reference)}, want file:<npub>, env:NAME or credential:NAME"
        )

    def list(self) -> tuple[str, ...]:
        """Return the references of all key files, sorted."""
        if not self._folder.is_dir():
            return ()
        names = sorted(path.name for path in self._folder.iterdir() if path.name.startswith("npub1"))
        return tuple(FILE + name for name in names)

    def remove(self, reference: str) -> None:
        """Delete a key file; raises NotFound, or InvalidKey if the reference is not a file's."""
        if not reference.startswith(FILE):
            raise InvalidKey(f"key reference: got {_shown(reference)}, want file:<npub>")
        path = self._path(reference)
        try:
            path.unlink()
        except FileNotFoundError:
            raise NotFound(f"key file {path}: does not exist") from None
        except OSError as error:
            raise KeyFileRefused(f"key file {path}: cannot be removed: {error.strerror}") from error

    def _read_credential(self, name: str) -> KeySigner:
        folder = self._environment.get(CREDENTIALS_VARIABLE, "")
        if not _CREDENTIAL_NAME.fullmatch(name) or name in (".", ".."):
            raise InvalidKey("key reference: got credential:…, want the name of a credential, no path")
        path = Path(folder) / name
        if not folder or not path.exists():
            raise KeyNotHere(
                f"key credential:{name}: systemd gave this process no such credential,"
                f" want a unit with LoadCredential={name}:PATH"
            )
        return KeySigner.from_text(f"credential {name}", _read_private(path, by_systemd=True))

    def _path(self, reference: str) -> Path:
        # Decoding first: the name must be an npub, so it can never lead out of the folder.
        pubkey = decode_pubkey("key reference", reference.removeprefix(FILE))
        return self._folder / encode_npub(pubkey)

    def _read(self, path: Path) -> KeySigner:
        text = _read_private(path)
        signer = KeySigner.from_text(f"key file {path}", text)
        if signer.npub != path.name:
            raise InvalidKey(f"key file {path}: holds the key of {signer.npub}, want that of its name")
        return signer


def _create_file(path: Path, text: str) -> bool:
    """Write a new file that appears whole; return False, and change nothing, if there is one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike rename, refuses to replace
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _read_private(path: Path, *, by_systemd: bool = False) -> Secret[str]:
    """Return a file's text if nobody but its owner may read it.

    systemd guards its credentials by access lists, which show as rights of the group.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotFound(f"key file {path}: does not exist") from None
    except OSError as error:
        raise KeyFileRefused(f"key file {path}: cannot be read: {error.strerror}") from error
    try:
        # Asked of the open file, so that it cannot be swapped between the check and the read.
        found = os.fstat(descriptor)
        mode = found.st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileRefused(f"key file {path}: is no regular file")
        if stat.S_IMODE(mode) & 0o077 and not by_systemd:
            raise KeyFileRefused(
                f"key file {path}: mode is {stat.S_IMODE(mode):04o}, want 0600: run `chmod 600` on it"
            )
        if found.st_size > MAX_FILE_BYTES:
            raise InvalidKey(f"key file {path}: got more than {MAX_FILE_BYTES} bytes, want an nsec")
        return Secret(os.read(descriptor, MAX_FILE_BYTES).decode("ascii", errors="replace"))
    finally:
        os.close(descriptor)


def _shown(reference: str) -> str:
    """The scheme alone: somebody may have pasted the secret itself."""
    scheme, colon, _ = reference.partition(":")
    return f"{scheme[:10]!r}:…" if colon else "a value without file:, env: or credential:"
