"""Settings: frozen, every timeout and limit named with its unit.

Order of sources, later ones win: defaults here, the TOML file, the environment
(`AGENTVOICE_<SECTION>__<KEY>`). Secrets are never settings: they are read where they are used,
from the environment, a file or a systemd credential, by reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the daemon listens; loopback unless the operator says otherwise."""

    host: str = "127.0.0.1"
    port: int = 8420


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database; empty `url` is SQLite in the home folder."""

    url: str = ""
    busy_timeout_ms: int = 5_000
    writer_queue_rows: int = 10_000
    """Rows that wait in memory while the disk stalls; beyond it new rows are refused and reported."""
    commit_rows: int = 50
    """Rows that one commit takes at most."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Limits of calls."""

    max_calls: int = 20
    max_minutes: int = 120
    input_queue_ms: int = 2_000
    """Caller audio that waits for the engine; beyond it the oldest is dropped and counted."""
    connect_timeout_s: float = 20.0
    goodbye_timeout_s: float = 15.0
    """How long an ending call waits for the agent's last words to be played."""
    turn_reply_timeout_s: float = 15.0
    """How long a recorded file waits for a reply before it goes on."""
    reconnect_gap_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class LocalEngineSettings:
    """The local engine's defaults and limits."""

    stt: str = "moonshine-tiny-en"
    llm: str = "smollm2-135m-instruct"
    tts: str = "hibari"
    threads: int = 0
    """CPU threads of the speech worker; 0: one less than the machine has, at least one."""
    worker_start_timeout_s: float = 60.0
    stt_timeout_s: float = 20.0
    llm_timeout_s: float = 60.0
    tts_timeout_s: float = 20.0
    http_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class OpenAIEngineSettings:
    """The OpenAI Realtime engine, or any compatible server."""

    url: str = "wss://api.openai.com/v1/realtime"
    api_key: str = "env:OPENAI_API_KEY"
    allow_plain_ws: bool = False
    """Allow ws:// to other hosts than loopback."""
    connect_timeout_s: float = 10.0
    ping_interval_s: float = 2.0
    ping_timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class EnginesSettings:
    """The speech engines."""

    local: LocalEngineSettings = field(default_factory=LocalEngineSettings)
    openai: OpenAIEngineSettings = field(default_factory=OpenAIEngineSettings)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The embedded relay and the connections to all relays."""

    embedded_host: str = "127.0.0.1"
    embedded_port: int = 7447
    connect_timeout_s: float = 10.0
    ok_timeout_s: float = 10.0
    auth_timeout_s: float = 5.0
    fetch_timeout_s: float = 10.0
    idle_close_s: float = 300.0


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Retries of deliveries."""

    first_retry_s: float = 5.0
    max_retry_s: float = 3_600.0
    give_up_days: float = 5.0
    accepted_relays: int = 1
    """A call is published when root and turns are accepted by this many relays."""
    sweep_interval_s: float = 5.0
    """How often the scheduler looks for due deliveries and crashed calls."""
    claim_batch: int = 100


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Logs go to stderr (JSON under systemd)."""

    level: str = "info"
    format: str = "auto"
    """`auto`, `console` or `json`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; `home` is the data folder."""

    home: str = ""
    project: str = "default"
    """Slug of the project that calls belong to when none is named."""
    http: HttpSettings = field(default_factory=HttpSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    calls: CallSettings = field(default_factory=CallSettings)
    engines: EnginesSettings = field(default_factory=EnginesSettings)
    relays: RelaySettings = field(default_factory=RelaySettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    log: LogSettings = field(default_factory=LogSettings)
    drain_timeout_s: float = 30.0
    """How long SIGTERM waits for live calls before it ends them politely."""
