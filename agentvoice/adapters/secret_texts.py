"""Secret texts where the operator put them: a private file, an environment variable, a systemd credential.

Each is read when it is wanted, and goes on as a Secret. `what` names it in errors, which never
repeat the text.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from agentvoice.config.secrets import CREDENTIALS_VARIABLE
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, KeyFileRefused, KeyNotHere, NotFound

FILE_MODE = 0o600
MAX_FILE_BYTES = 4_096
"""An nsec has 63 characters, the link of a bunker with ten relays under 4,000; a longer file is something else."""

_CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,255}")


def read_variable(what: str, name: str, environment: Mapping[str, str]) -> Secret[str]:
    """Return an environment variable; raises KeyNotHere if it is not set, or empty."""
    if not environment.get(name):
        raise KeyNotHere(f"{what} env:{name}: the environment variable is not set here")
    return Secret(environment[name])


def read_credential(what: str, name: str, environment: Mapping[str, str]) -> Secret[str]:
    """Return what systemd gives this process under `name`; raises KeyNotHere if it gives nothing."""
    folder = environment.get(CREDENTIALS_VARIABLE, "")
    if not _CREDENTIAL_NAME.fullmatch(name) or name in (".", ".."):
        raise InvalidKey(f"{what} reference: got credential:…, want the name of a credential, no path")
    path = Path(folder) / name
    if not folder or not path.exists():
        raise KeyNotHere(
            f"{what} credential:{name}: systemd gave this process no such credential,"
            f" want a unit with LoadCredential={name}:PATH"
        )
    return read_private(what, path, by_systemd=True)


def read_private(what: str, path: Path, *, by_systemd: bool = False) -> Secret[str]:
    """Return a file's text if nobody but its owner may read it.

    systemd guards its credentials by access lists, which show as rights of the group. Raises
    NotFound, KeyFileRefused, or InvalidKey (too long).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotFound(f"{what} file {path}: does not exist") from None
    except OSError as error:
        raise KeyFileRefused(f"{what} file {path}: cannot be read: {error.strerror}") from error
    try:
        # Asked of the open file, so that it cannot be swapped between the check and the read.
        found = os.fstat(descriptor)
        mode = found.st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileRefused(f"{what} file {path}: is no regular file")
        if stat.S_IMODE(mode) & 0o077 and not by_systemd:
            raise KeyFileRefused(
                f"{what} file {path}: mode is {stat.S_IMODE(mode):04o}, want 0600: run `chmod 600` on it"
            )
        if found.st_size > MAX_FILE_BYTES:
            raise InvalidKey(f"{what} file {path}: got more than {MAX_FILE_BYTES} bytes, want a {what}")
        return Secret(os.read(descriptor, MAX_FILE_BYTES).decode("utf-8", errors="replace"))
    finally:
        os.close(descriptor)


def write_private(path: Path, text: Secret[str], *, replace: bool = False) -> bool:
    """Write a private file that appears whole, and is on the disk when this returns.

    Returns False, and changes nothing, if there is one and it is not to be replaced. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text.reveal())
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.rename(path)
        else:
            os.link(draft, path)  # unlike rename, refuses to replace
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
