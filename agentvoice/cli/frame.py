"""What all commands share: late imports, `--json`, `--config`, `--debug`, and what they work with."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:  # imported when first used: `--help` needs none of them
    from agentvoice.adapters.key_files import KeyFiles
    from agentvoice.adapters.key_store import KeyStore, OpenBunker
    from agentvoice.config import Settings
    from agentvoice.storage.database import Database

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Invocation:
    """One run of the command line: its common options, and what commands reach through it."""

    json: bool = False
    config_file: str | None = None
    debug: bool = False
    _settings: Settings | None = field(default=None, repr=False)

    @property
    def settings(self) -> Settings:
        """The settings, read once per run. Raises ConfigError."""
        if self._settings is None:
            from agentvoice.config import load_settings

            self._settings = load_settings(self.config_file)
        return self._settings

    def quieten_logs(self) -> None:
        """Send logs to stderr, and of a command only what went wrong: what it does is its answer.

        Every command that runs services calls it, `serve` alone logs as the settings say.
        """
        from dataclasses import replace

        from agentvoice.adapters.logging_setup import set_up_logging

        log = self.settings.log
        level = "debug" if self.debug else "error" if log.level == "error" else "warning"
        set_up_logging(replace(log, level=level))

    @contextmanager
    def database(self, *, create: bool = False, upgrade: bool = False) -> Iterator[Database]:
        """Give the open database; raises NotFound, StorageRefused or a StorageError."""
        from agentvoice.storage.database import Database

        settings = self.settings
        database = Database.open(
            settings.database_place,
            create=create,
            upgrade=upgrade,
            busy_timeout_ms=settings.database.busy_timeout_ms,
        )
        try:
            yield database
        finally:
            database.close()

    def key_files(self) -> KeyFiles:
        """The key files of the data folder."""
        from agentvoice.adapters.key_files import KeyFiles

        return KeyFiles(self.settings.keys_folder)

    def key_store(self, database: Database, open_bunker: OpenBunker | None = None) -> KeyStore:
        """The keys that this process can sign with, wherever they are kept."""
        from agentvoice.adapters.key_store import KeyStore
        from agentvoice.core.secret import Environment
        from agentvoice.storage.keys import find_ncryptsec

        environment = Environment(os.environ)
        return KeyStore(self.settings, environment, partial(find_ncryptsec, database), open_bunker)

    @property
    def embedded_url(self) -> str:
        """Where the embedded relay runs, or else where the settings put it."""
        from agentvoice.adapters.embedded_relay import find_running_relay

        relays = self.settings.relays
        running = find_running_relay(self.settings.relay_folder)
        if running:
            return running
        return f"ws://{relays.embedded_host}:{relays.embedded_port}"

    def utc_ms(self) -> int:
        """Return the time, Unix ms."""
        from agentvoice.adapters.system_clock import SystemClock

        return SystemClock().utc_ms()

    def new_id(self) -> str:
        """Return a new id (UUIDv7 hex)."""
        from agentvoice.adapters.system_clock import SystemClock
        from agentvoice.core.ids import RANDOM_BYTES, build_uuid7

        clock = SystemClock()
        return build_uuid7(clock.utc_ms(), clock.random_bytes(RANDOM_BYTES))

    def answer(self, document: object, text: str) -> None:
        """Print the result: one JSON document with `--json`, else text for people."""
        if self.json:
            from agentvoice.protocols.documents import encode_document

            text = encode_document(document).decode()
        click.echo(text.rstrip("\n"))


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _store(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value:  # an option not given here may have been given further left
            setattr(context.ensure_object(Invocation), name, value)

    return callback


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_store("json"),
            help="Print one JSON document on stdout.",
        ),
        click.Option(
            ["--config"],
            metavar="FILE",
            expose_value=False,
            callback=_store("config_file"),
            help="Read the settings from this TOML file.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_store("debug"),
            help="Show where an error happened.",
        ),
    ]


class Command(click.Command):
    """A command that takes the common options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_common_options())


@dataclass(frozen=True, slots=True)
class Listed:
    """A command by name, `module:attribute` and summary: known without being imported."""

    name: str
    target: str
    summary: str


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; takes the common options."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, commands_listed: tuple[Listed, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_common_options())
        self._listed = {listed.name: listed for listed in commands_listed}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order they are defined: as one uses them, not by alphabet."""
        return [*self._listed, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now if it is only listed."""
        listed = self._listed.get(cmd_name)
        if listed is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = listed.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        rows = [(listed.name, listed.summary) for listed in self._listed.values()]
        rows += [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
