"""The composition root: builds everything, starts it in order, stops it in reverse.

`Runtime` is what any process needs to run calls and publish threads: the daemon, and the CLI when
no daemon answers. `serve` adds what makes a daemon: servers, the scheduler, signals, sd_notify.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from agentvoice.adapters import systemd
from agentvoice.adapters.embedded_relay import EmbeddedRelay, find_running_relay
from agentvoice.adapters.home_lock import own_home
from agentvoice.adapters.http_tool import AiohttpTools
from agentvoice.adapters.key_files import KeyFiles
from agentvoice.adapters.key_store import KeyStore
from agentvoice.adapters.local_speech.engine import LocalEngine
from agentvoice.adapters.local_speech.worker_client import LocalSpeech
from agentvoice.adapters.pow_miner import mine
from agentvoice.adapters.realtime_websocket import RealtimeEngine
from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.remote_signer import Bunkers
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.config import Settings
from agentvoice.config.prices import read_prices
from agentvoice.core.ids import RANDOM_BYTES, build_uuid7
from agentvoice.core.metrics import NO_METRICS
from agentvoice.core.ports import Clock, Metrics, Signer, SpeechEngine
from agentvoice.core.secret import Environment
from agentvoice.errors import AgentVoiceError, Refused
from agentvoice.services.call_manager import CallManager
from agentvoice.services.jobs import schedule_jobs
from agentvoice.services.loop_lag import watch_loop_lag
from agentvoice.services.profiles import Profiles
from agentvoice.services.publisher import Publisher
from agentvoice.services.session_opening import Engines
from agentvoice.storage import agents, keys
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Writer
from agentvoice.web.app import build_control_app
from agentvoice.web.desks import Desks, build_desks
from agentvoice.web.public import serve_public
from agentvoice.web.serving import serve_unix

log = structlog.get_logger(__name__)

WRITER_CLOSE_S = 10.0
"""How long the last rows may take to reach the disk when the process stops."""


class Runtime:
    """The services of one process over one database; nothing is started by making it."""

    def __init__(
        self, settings: Settings, clock: Clock, database: Database, metrics: Metrics = NO_METRICS
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.database = database
        self.owner_id = build_uuid7(clock.utc_ms(), clock.random_bytes(RANDOM_BYTES))
        self.writer = Writer(
            database,
            clock,
            queue_rows=settings.database.writer_queue_rows,
            commit_rows=settings.database.commit_rows,
        )
        self.bunkers = Bunkers(settings.relays, settings.bunker, clock)
        self.key_store = KeyStore(
            settings, Environment(os.environ), partial(keys.find_ncryptsec, database), self.bunkers.open
        )
        self._relay = EmbeddedRelay(
            settings.relay_folder, settings.relays.embedded_host, settings.relays.embedded_port
        )
        self.relays = WebsocketRelays(
            settings.relays, clock, self._find_signer, is_own=lambda address: address == self._relay.address
        )
        self.publisher = Publisher(
            database,
            self.relays,
            self.key_store.load,
            find_forgery,
            KeySigner.generate,
            mine,
            self.embedded_address,
            clock,
            settings.publish,
            self.owner_id,
            metrics,
        )
        self.profiles = self._build_profiles()
        self.local_speech = LocalSpeech(settings.engines.local, Path(settings.home), clock)
        self.engines: dict[str, SpeechEngine] = {
            "local": LocalEngine(self.local_speech, settings.engines.local, clock),
            "openai": RealtimeEngine(settings.engines.openai, clock, metrics),
        }
        self.engine_choice = Engines(self.engines, clock, settings.engines.passed_over_s, metrics)
        self.http_tools = AiohttpTools(clock)
        self.calls = CallManager(
            database,
            self.writer,
            self.engine_choice,
            clock,
            settings.calls,
            settings.project,
            self._call_ended,
            self.owner_id,
            self.http_tools,
            read_prices(settings.calls.budgets.prices_file),
            metrics,
        )
        self._background: set[asyncio.Task[Any]] = set()

    def _build_profiles(self) -> Profiles:
        return Profiles(
            self.database,
            self.relays,
            self.key_store.load,
            find_forgery,
            self.publisher.dial_address,
            self.clock,
            self.settings.publish,
            self.owner_id,
            self.settings.project,
        )

    async def start(self) -> None:
        """Start what calls need: the embedded relay and the renewal of leases."""
        await self.ensure_relay()
        self.run_beside(self.calls.keep_leases(), "leases")
        # What start-up made stays for good. Walking it in a collection stops every thread for 90 ms.
        gc.freeze()

    async def check_engines(self) -> None:
        """Find out which engines the agents can use now, so that the first caller need not."""

        def names() -> list[str]:
            with self.database.reading() as session:
                profiles = [revision.profile for revision in agents.list_agents(session)]
            return [name for profile in profiles if profile.enabled for name in profile.engines]

        wanted = await asyncio.to_thread(names)
        await self.engine_choice.check(wanted, self.settings.calls.connect_timeout_s)

    async def ensure_relay(self) -> None:
        """Run the embedded relay, unless another process of this home runs it already."""
        if self._relay.address:
            return
        try:
            await self._relay.start()
        except Refused:
            if not find_running_relay(self.settings.relay_folder):
                raise

    def embedded_address(self) -> str:
        """Return where the embedded relay listens, "" while no process runs it."""
        return self._relay.address or find_running_relay(self.settings.relay_folder)

    async def stop(self) -> None:
        """Stop everything in reverse; calls must have been drained."""
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for engine in self.engines.values():
            await engine.close()
        await self.http_tools.close()
        await self.bunkers.close()
        await self.relays.close()
        await self._relay.stop()
        await asyncio.to_thread(self.writer.close, WRITER_CLOSE_S)
        self.database.close()

    def run_beside(self, work: Coroutine[Any, Any, object], name: str) -> None:
        """Run `work` beside the calls until it ends or the process stops."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_failed", task=task.get_name(), error=str(error))

    async def _call_ended(self, call_id: str) -> None:
        """Publish soon, without keeping the caller waiting; the scheduler would find it later."""
        self.run_beside(self._publish(), f"publish {call_id}")

    async def _publish(self) -> None:
        await self.publisher.sweep()
        await self.profiles.publish_due()

    async def _find_signer(self, pubkey: str) -> Signer | None:
        """Return the signer that answers a relay's AUTH for `pubkey`, None if we hold none."""
        reference = await asyncio.to_thread(keys.find_reference, self.database, pubkey)
        return await self.key_store.load(reference) if reference else None

    def missing(self) -> str:
        """Return why calls cannot be taken now, "" if they can."""
        return "the database takes no writes" if self.writer.is_stalled else ""


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    clock: Clock,
    *,
    create: bool = False,
    upgrade: bool = False,
    metrics: Metrics = NO_METRICS,
) -> AsyncIterator[Runtime]:
    """Open the database and build the services; they are stopped at the end."""

    def open_database() -> Database:
        return Database.open(
            settings.database_place,
            create=create,
            upgrade=upgrade,
            busy_timeout_ms=settings.database.busy_timeout_ms,
        )

    runtime = Runtime(settings, clock, await asyncio.to_thread(open_database), metrics)
    try:
        yield runtime
    finally:
        await runtime.stop()


async def serve(
    settings: Settings, clock: Clock, reload: Callable[[], Settings], on_ready: Callable[[str], None]
) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP applies what `reload` returns.

    `on_ready` is told the page's address once calls are taken.

    Raises Refused (a daemon runs already), ConfigError (an address is taken), StorageRefused.
    """
    from agentvoice.adapters.metrics import PrometheusMetrics  # commands that run a call need none

    metrics = PrometheusMetrics()
    async with AsyncExitStack() as stack:
        stack.callback(own_home(Path(settings.home)))
        runtime = await stack.enter_async_context(
            open_runtime(settings, clock, create=True, upgrade=True, metrics=metrics)
        )
        await runtime.start()
        scheduler = schedule_jobs(
            settings, runtime.database, clock,
            runtime.calls, runtime.publisher, runtime.profiles, runtime.ensure_relay,
        )  # fmt: skip
        stack.push_async_callback(scheduler.stop)
        desks = _build_desks(runtime)
        await serve_unix(
            build_control_app(runtime.calls, runtime.missing, desks), settings.control_socket, stack
        )
        address, renewing = await serve_public(
            runtime.calls, runtime.missing, metrics.exposition, settings.http, desks, stack
        )
        stack.push_async_callback(runtime.calls.drain, settings.drain_timeout_s)
        stop = asyncio.Event()
        _handle_signals(runtime, stop, renewing(reload), stack)
        scheduler.start()
        runtime.run_beside(runtime.local_speech.start(), "load models")
        runtime.run_beside(runtime.check_engines(), "check engines")
        runtime.run_beside(systemd.feed_watchdog(clock), "watchdog")
        runtime.run_beside(watch_loop_lag(clock, metrics), "loop lag")
        systemd.notify(systemd.READY)
        log.info("ready", http=address, home=settings.home)
        on_ready(address)
        await stop.wait()
        log.info("stopping", live_calls=len(runtime.calls.live_calls))
        systemd.notify(systemd.STOPPING)


def _build_desks(runtime: Runtime) -> Desks:
    """Return what the API reads and changes the database by."""
    return build_desks(
        runtime.database,
        runtime.clock,
        KeyFiles(runtime.settings.keys_folder),
        runtime.embedded_address,
        runtime.settings.publish.accepted_relays,
        lambda: runtime.run_beside(runtime.publisher.sweep(), "publish"),
        runtime.publisher,
    )


def _handle_signals(
    runtime: Runtime, stop: asyncio.Event, reload: Callable[[], Settings], stack: AsyncExitStack
) -> None:
    loop = asyncio.get_running_loop()
    handlers: dict[int, Callable[[], None]] = {
        signal.SIGTERM: stop.set,
        signal.SIGINT: stop.set,
        signal.SIGHUP: lambda: _apply(runtime, reload),
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
        stack.callback(loop.remove_signal_handler, number)


def _apply(runtime: Runtime, reload: Callable[[], Settings]) -> None:
    """Take over changed settings; a wrong file leaves everything as it was."""
    systemd.notify(*systemd.reloading(runtime.clock.monotonic_s()))
    try:
        settings = reload()
        runtime.calls.use_settings(settings.calls, settings.project)
        log.info("reloaded", effective="calls, project, log level, TLS, npubs", after_restart="all else")
    except AgentVoiceError as error:
        log.error("reload_failed", error=str(error))
    systemd.notify(systemd.READY)
