"""Finds and reads the settings; every wrong one is named, with what is wanted."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentvoice.config.http import check_http
from agentvoice.config.secrets import check_secret_reference
from agentvoice.config.settings import Settings
from agentvoice.core.agent import check_slug
from agentvoice.core.fields import FieldKind, build_from_table, parse_text, walk_fields
from agentvoice.core.loopback import is_loopback
from agentvoice.core.secret import Environment
from agentvoice.core.spelling import hint
from agentvoice.errors import ConfigError, UsageError

PREFIX = "AGENTVOICE_"
NESTING = "__"
CONFIG_VARIABLE = "AGENTVOICE_CONFIG"
SYSTEM_CONFIG_FILE = Path("/etc/agentvoice/agentvoice.toml")
FILE_NAME = "agentvoice.toml"


def load_settings(
    config_file: str | Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings from defaults, file and environment; `home` is made absolute.

    `config_file` is `--config`; `environ` is the process's environment unless given. Raises
    ConfigError naming the file or variable, the key, what was got and what is wanted.
    """
    environ = Environment(os.environ if environ is None else environ)
    path = find_config_file(config_file, environ)
    table = read_table(path) if path else {}
    # Built alone first, so that an error names the file and not the environment.
    settings = build_from_table(Settings, table, source=str(path or ""), error=ConfigError)
    for variable, key, kind in _settings_variables(environ):
        settings = _overlay(settings, key, parse_text(kind, environ[variable]), source=variable)
    settings = replace(settings, home=str(_home(settings, environ)))
    check_settings(settings)
    return settings


def find_config_file(config_file: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the first config file there is; None when all is left to defaults.

    Order: `--config`, `AGENTVOICE_CONFIG`, the user's, the system's. A file that was named must
    exist: ConfigError otherwise.
    """
    for origin, named in (("--config", config_file), (CONFIG_VARIABLE, environ.get(CONFIG_VARIABLE))):
        if named:
            path = _expand(origin, str(named))
            if not path.is_file():
                raise ConfigError(f"{origin}: got {named}, want a TOML file that exists")
            return path
    for path in (_user_config_file(environ), SYSTEM_CONFIG_FILE):
        if path.is_file():
            return path
    return None


def _expand(name: str, place: str) -> Path:
    """Return the path with ~ and ~user written out; raises ConfigError if there is no such user."""
    try:
        return Path(place).expanduser()
    except RuntimeError:
        raise ConfigError(f"{name}: got {place!r}, want a path; the home of ~ is not known") from None


def _user_config_file(environ: Mapping[str, str]) -> Path:
    folder = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config"
    return Path(folder) / "agentvoice" / FILE_NAME


def read_table(path: Path) -> dict[str, Any]:
    """Return the TOML table in `path`; raise ConfigError naming the file, and the line of bad TOML."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: got bytes that are not UTF-8 (at byte {error.start}), want UTF-8 text"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last_line = text.count("\n") + 1
        words = str(error).replace("at end of document", f"at the end, line {last_line}")
        raise ConfigError(f"{path}: bad TOML: {words}") from error
    except RecursionError:
        raise ConfigError(f"{path}: bad TOML: arrays or tables are nested too deeply") from None


def _settings_variables(environ: Mapping[str, str]) -> list[tuple[str, str, FieldKind]]:
    """Return (variable, dotted key, kind) of each variable that is a setting."""
    known = {
        PREFIX + key.replace(".", NESTING).upper(): (key, kind) for key, kind, _ in walk_fields(Settings)
    }
    found = []
    for variable in sorted(environ):
        if variable in known:
            found.append((variable, *known[variable]))
        # Without the nesting sign it may be anybody's, such as a key named env:AGENTVOICE_ADA_NSEC.
        elif variable.startswith(PREFIX) and NESTING in variable:
            raise ConfigError(f"{variable}: unknown setting{hint(variable, known)}")
    return found


def _overlay(settings: Settings, key: str, value: object, *, source: str) -> Settings:
    table = asdict(settings)
    *folders, last = key.split(".")
    place = table
    for folder in folders:
        place = place[folder]
    place[last] = value
    return build_from_table(Settings, table, source=source, error=ConfigError)


def _home(settings: Settings, environ: Mapping[str, str]) -> Path:
    if settings.home:
        return _expand("home", settings.home).absolute()
    user_home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get("XDG_DATA_HOME") or user_home / ".local" / "share").absolute() / "agentvoice"


def is_own_home(settings: Settings, environ: Mapping[str, str] | None = None) -> bool:
    """Whether the data folder is the user's own, where a first command may create the database.

    That is a folder in the user's home, one that belongs to the user, or a new one in such. Anything
    else is a service's: a database that root made there would be closed to the service.
    """
    environ = os.environ if environ is None else environ
    home = Path(settings.home).resolve()
    if home.is_relative_to(Path(environ.get("HOME") or Path.home()).resolve()) and not home.exists():
        return True
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    found = nearest.stat()
    if found.st_uid != os.geteuid():
        return False
    # Root owns /var/lib too: for root, a folder that does not exist yet must lie in a private one.
    return nearest == home or os.geteuid() != 0 or not found.st_mode & 0o077


def check_settings(settings: Settings) -> None:
    """Raise ConfigError where settings that are right alone are wrong together or in their form."""
    try:
        check_slug("project", settings.project)
    except UsageError as error:
        raise ConfigError(str(error)) from None
    check_http(settings.http)
    for name, host in (
        ("http.host", settings.http.host),
        ("relays.embedded_host", settings.relays.embedded_host),
    ):
        if not host.strip():
            raise ConfigError(f"{name}: got nothing, want an address such as 127.0.0.1")
    if settings.publish.first_retry_s > settings.publish.max_retry_s:
        raise ConfigError(
            f"publish.first_retry_s: got {settings.publish.first_retry_s:g},"
            f" want at most publish.max_retry_s ({settings.publish.max_retry_s:g})"
        )
    if settings.keys.passphrase:
        check_secret_reference("keys.passphrase", settings.keys.passphrase)
    openai = settings.engines.openai
    check_secret_reference("engines.openai.api_key", openai.api_key)
    try:
        url = urlsplit(openai.url)
    except ValueError:  # such as a bracket left open
        raise ConfigError("engines.openai.url: got a value that is no URL, want wss://host/path") from None
    if "@" in url.netloc:  # not repeated: it would show the password
        raise ConfigError("engines.openai.url: got a user or password in it, want wss://host/path")
    if url.scheme not in ("ws", "wss") or not url.hostname:
        raise ConfigError(f"engines.openai.url: got {openai.url!r}, want wss://… (or ws://… on loopback)")
    if url.scheme == "ws" and not (openai.allow_plain_ws or is_loopback(url.hostname)):
        raise ConfigError(
            f"engines.openai.url: got {openai.url!r}, want wss://…: ws:// would send your key in clear"
            " (engines.openai.allow_plain_ws = true allows it)"
        )


def changed_settings(settings: Settings) -> dict[str, tuple[Any, Any]]:
    """Return {dotted key: (value, default)} of each setting that is not at its default."""
    changed: dict[str, tuple[Any, Any]] = {}

    def compare(value: Any, default: Any, prefix: str) -> None:
        for field in fields(value):
            mine, theirs = getattr(value, field.name), getattr(default, field.name)
            if is_dataclass(mine):
                compare(mine, theirs, f"{prefix}{field.name}.")
            elif mine != theirs:
                changed[prefix + field.name] = (mine, theirs)

    compare(settings, Settings(), "")
    return changed
