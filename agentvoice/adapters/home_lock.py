"""One daemon for a data folder: a lock that the kernel lets go of when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from agentvoice.errors import Refused

LOCK_MODE = 0o600
HOME_MODE = 0o700


def own_home(home: Path) -> Callable[[], None]:
    """Make this process the one daemon of the home; return how to let it go.

    Raises Refused if another daemon is, or the home cannot be written.
    """
    path = home / "daemon.lock"
    try:
        path.parent.mkdir(mode=HOME_MODE, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_MODE)
    except OSError as error:
        raise Refused(f"serve: {path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Refused(f"serve: a daemon runs in {home} already") from None
    return lambda: os.close(lock)
