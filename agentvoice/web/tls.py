"""TLS by certificate files, which may be renewed while the daemon runs."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from agentvoice.config import HttpSettings, Settings
from agentvoice.errors import ConfigError


class Certificates:
    """The daemon's certificate. `context` is None without one: then it speaks plain http."""

    def __init__(self, http: HttpSettings) -> None:
        """Read the files; raises ConfigError naming the setting whose file is not usable."""
        self._http = http
        # Python's defaults for servers: TLS 1.2 at least, no compression, no weak ciphers.
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if http.tls_cert else None
        if self.context is not None:
            self._load(self.context)

    def renewed_before(self, reload: Callable[[], Settings]) -> Callable[[], Settings]:
        """Return a `reload` that reads the files again first; new connections get what is in them.

        Files that cannot be used leave the old certificate in place, and raise ConfigError.
        """

        def renew_and_reload() -> Settings:
            if self.context is not None:
                self._load(
                    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                )  # a trial: it may fail half-way
                self._load(self.context)
            return reload()

        return renew_and_reload

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            # A key with a passphrase would ask for it on the terminal; b"" refuses it instead.
            context.load_cert_chain(self._http.tls_cert, self._http.tls_key, password=b"")
        except ssl.SSLError as error:
            raise ConfigError(
                f"http.tls_cert, http.tls_key: {self._http.tls_cert} and {self._http.tls_key}: want a certificate"
                f" and its key as PEM, without a passphrase ({error.reason or error})"
            ) from error
        except OSError as error:
            name = "tls_key" if _is_readable(self._http.tls_cert) else "tls_cert"
            raise ConfigError(
                f"http.{name}: {getattr(self._http, name)} cannot be read: {error.strerror or error}"
            ) from error


def _is_readable(path: str) -> bool:
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False
