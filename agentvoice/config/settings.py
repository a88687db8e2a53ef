"""The settings: frozen, every timeout and limit named with its unit.

Each field's docstring is its line in the reference and in the example file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from agentvoice.core.fields import Between, OneOf

Port = Annotated[int, Between(0, 65_535)]
TimeoutS = Annotated[float, Between(0.05, 86_400)]
Count = Annotated[int, Between(1, 1_000_000)]


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """Who may come in besides those who have a token (`agentvoice token new`), and for how long."""

    hours: Annotated[float, Between(0.1, 8_760)] = 12.0
    """How long a browser stays signed in; never longer than the token it signed in with."""
    admin_npubs: tuple[str, ...] = ()
    """Who may sign in with Nostr (NIP-07, NIP-98) and see and change everything."""
    caller_npubs: tuple[str, ...] = ()
    """Who may sign in with Nostr and hold calls of every project; for one project: `project edit --caller`."""
    wrong_tokens_per_minute: Count = 10
    """Wrong tokens and signatures of one client, beyond which it is refused unheard for a while."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the daemon listens; loopback unless the operator says otherwise."""

    host: str = "127.0.0.1"
    """Address the daemon listens on; loopback unless you say otherwise."""
    port: Port = 8420
    """Its port; 0 takes a free one."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides loopback that the page may be reached by; a Host that is none of them is refused."""
    allowed_origins: tuple[str, ...] = ()
    """Other sites (`https://host`) whose scripts may open calls and send commands; empty: none."""
    tls_cert: str = ""
    """PEM file with the certificate and those that lead to its root; with `tls_key` the daemon speaks https."""
    tls_key: str = ""
    """PEM file with the certificate's key, without a passphrase; SIGHUP reads both files again."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies whose X-Forwarded-For, -Proto and -Host are believed."""
    requests_per_minute: Count = 600
    """Requests of one client (an address, of IPv6 a /64); this machine's own are not counted."""
    requests_at_once: Count = 64
    """Requests of one client that may be open at the same time, calls and event streams among them."""
    metrics_open: bool = False
    """Whether `/metrics` is for whoever reaches the port; else for the scope `admin`."""
    sign_in: SignInSettings = field(default_factory=SignInSettings)


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database; empty `url` is SQLite in the home folder."""

    url: str = ""
    """SQLAlchemy address of the database; empty: SQLite in the home folder."""
    busy_timeout_ms: Annotated[int, Between(0, 600_000)] = 5_000
    """How long SQLite waits for another process that holds the lock."""
    writer_queue_rows: Count = 10_000
    """Rows that wait in memory while the disk stalls; beyond it new rows are refused and reported."""
    commit_rows: Count = 50
    """Rows that one commit takes at most."""
    retention_days: Annotated[int, Between(0, 36_500)] = 0
    """Days until an ended call is deleted here, after its month and once its thread is settled; 0: never."""


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """What calls may cost, and how often one caller may call."""

    usd_per_call: Annotated[float, Between(0.01, 10_000)] = 5.0
    """Cost at which a call is ended; there is always such a cap, as there is `max_minutes`."""
    usd_per_project_per_month: Annotated[float, Between(0, 1_000_000)] = 0.0
    """Budget of each project that has none of its own, in each month (UTC); 0: none."""
    calls_per_caller_per_hour: Count = 60
    """Calls that one caller may begin within an hour; this machine's user is one caller."""
    warn_percent: Annotated[int, Between(1, 100)] = 80
    """Part of a budget after which the caller is warned."""
    warn_before_end_s: TimeoutS = 60.0
    """The caller is warned this long before the call reaches `max_minutes`, in short calls half-way."""
    estimated_usd_per_minute: Annotated[float, Between(0, 1_000)] = 0.06
    """Cost that is assumed for a model without a price, for each begun minute of sound."""
    prices_file: str = ""
    """Your own price table in TOML, read when a process starts; empty: the one that came with this version."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Limits of calls."""

    max_calls: Count = 20
    """Calls that may run at the same time."""
    max_minutes: Annotated[int, Between(1, 1_440)] = 120
    """Length at which a call is ended; there is always such a cap."""
    connect_timeout_s: TimeoutS = 20.0
    """How long a call may take to reach its engine before it gives up."""
    goodbye_timeout_s: TimeoutS = 15.0
    """How long an ending call waits for the agent's last words to be played."""
    turn_reply_timeout_s: TimeoutS = 15.0
    """How long a recorded file waits for a reply before it goes on."""
    hold_s: Annotated[float, Between(0, 600)] = 60.0
    """How long a page's call waits for its caller when the connection is lost; 0: it ends at once."""
    reconnect_gap_ms: Annotated[int, Between(0, 60_000)] = 10_000
    """Caller audio kept while a lost session is replaced; the newest wins."""
    reconnect_retries: Annotated[int, Between(0, 100)] = 5
    """Tries after the first, immediate one to replace a lost session, before the agent's next engine takes over."""
    reconnect_first_s: TimeoutS = 1.0
    """Wait before the first of these tries; each later one waits twice as long."""
    max_reconnects_per_10_min: Count = 20
    """Sessions that a call may lose in ten minutes before its engine counts as failed."""
    rollover_margin_s: TimeoutS = 300.0
    """This long before the provider's limit a session is replaced, at the first quiet moment."""
    warm_sessions: Annotated[int, Between(0, 1_000)] = 4
    """Sessions that all calls together keep open for a coming handover; 0 keeps none."""
    warm_session_minutes: Annotated[float, Between(0.1, 1_440)] = 10.0
    """A session kept for a handover that did not come is closed after this."""
    budgets: BudgetSettings = field(default_factory=BudgetSettings)


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """The microphone and speaker of calls from this machine's terminal."""

    input: str = ""
    """Microphone: a name, a part of it, or a number of `agentvoice call devices`; empty: the system's."""
    output: str = ""
    """Speaker, named likewise; empty: the system's."""
    echo: Annotated[str, OneOf("gate", "cancel", "off")] = "gate"
    """What keeps agents from hearing themselves: `gate` closes the microphone while they speak; `cancel` takes their sound out of it (extra `aec`); `off` is for headphones."""
    echo_tail_ms: Annotated[int, Between(0, 5_000)] = 300
    """How long the gate stays closed after an agent's last sound: a room's echo."""


@dataclass(frozen=True, slots=True)
class LocalEngineSettings:
    """The local engine's defaults and limits."""

    stt: str = "moonshine-tiny-en"
    """Model that turns speech into text."""
    llm: str = "smollm2-135m-instruct"
    """Model that thinks of replies."""
    tts: str = "hibari"
    """Model that speaks."""
    threads: Annotated[int, Between(0, 1_024)] = 0
    """CPU threads of the speech worker; 0: one less than the machine has, at least one."""
    worker_start_timeout_s: TimeoutS = 60.0
    """How long the speech worker may take to load its models."""
    stt_timeout_s: TimeoutS = 20.0
    """How long one utterance may take to become text."""
    llm_timeout_s: TimeoutS = 60.0
    """How long one reply may take."""
    tts_timeout_s: TimeoutS = 20.0
    """How long one sentence may take to be spoken."""
    http_timeout_s: TimeoutS = 30.0
    """How long an OpenAI-compatible endpoint may take to answer."""


@dataclass(frozen=True, slots=True)
class OpenAIEngineSettings:
    """The OpenAI Realtime engine, or any compatible server."""

    url: str = "wss://api.openai.com/v1/realtime"
    """Address of the Realtime server: OpenAI's or any compatible one."""
    dialect: Annotated[str, OneOf("ga", "beta")] = "ga"
    """Wire format: `ga` is OpenAI's own; `beta` is for older compatible servers."""
    api_key: str = "env:OPENAI_API_KEY"
    """Where the API key is: `env:NAME`, `file:PATH` or `credential:NAME` (systemd); never the key itself."""
    allow_plain_ws: bool = False
    """Allow ws:// to other hosts than loopback."""
    connect_timeout_s: TimeoutS = 10.0
    """How long one connection to the server may take."""
    ping_interval_s: TimeoutS = 2.0
    """How often the connection is checked."""
    ping_timeout_s: TimeoutS = 2.0
    """How long the answer to a check may take before the session counts as lost."""
    close_timeout_s: TimeoutS = 0.5
    """How long a closing connection waits for the server; with both check times, under 5 s."""
    send_queue_ms: Annotated[int, Between(100, 60_000)] = 2_000
    """Caller audio that waits for a slow connection; beyond it the oldest is dropped and counted."""
    session_minutes: Annotated[float, Between(0, 1_440)] = 60.0
    """Age at which the provider ends a session; a call moves to a new one before. 0: never."""


@dataclass(frozen=True, slots=True)
class EnginesSettings:
    """The speech engines."""

    passed_over_s: Annotated[float, Between(0, 86_400)] = 60.0
    """How long an engine that failed to open a session is passed over for an agent's next one."""
    local: LocalEngineSettings = field(default_factory=LocalEngineSettings)
    openai: OpenAIEngineSettings = field(default_factory=OpenAIEngineSettings)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The embedded relay and the connections to all relays."""

    embedded_host: str = "127.0.0.1"
    """Address of the embedded relay."""
    embedded_port: Port = 7447
    """Its port; 0 takes a free one."""
    connect_timeout_s: TimeoutS = 10.0
    """How long a connection to a relay may take."""
    ok_timeout_s: TimeoutS = 10.0
    """How long a relay may take to answer an event."""
    auth_timeout_s: TimeoutS = 5.0
    """How long a relay may take to ask for and answer AUTH (NIP-42)."""
    fetch_timeout_s: TimeoutS = 10.0
    """How long a relay may take to send stored events."""
    idle_close_s: TimeoutS = 300.0
    """Unused connections to relays are closed after this."""


@dataclass(frozen=True, slots=True)
class BunkerSettings:
    """Remote signers (NIP-46), which hold keys elsewhere."""

    pair_timeout_s: TimeoutS = 60.0
    """How long a bunker may take to grant `key import`: a person may have to say yes."""
    answer_timeout_s: TimeoutS = 20.0
    """How long it may take to sign one event; of several, to sign the next."""


@dataclass(frozen=True, slots=True)
class KeysSettings:
    """Signing keys."""

    passphrase: str = ""
    """Where the passphrase of encrypted keys is: `credential:NAME` (systemd), `file:PATH` or `env:NAME`; never it itself."""


@dataclass(frozen=True, slots=True)
class PowSettings:
    """Proof of work (NIP-13) for relays that ask for it."""

    max_bits: Annotated[int, Between(0, 32)] = 16
    """Work done for each event at most; 16 bits take a tenth of a second of one core, each further bit doubles it."""


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Retries of deliveries."""

    first_retry_s: TimeoutS = 5.0
    """Wait before a failed delivery is tried again; it grows with each attempt …"""
    max_retry_s: TimeoutS = 3_600.0
    """… up to this."""
    give_up_days: Annotated[float, Between(0.001, 365)] = 5.0
    """Age at which a delivery expires."""
    accepted_relays: Annotated[int, Between(1, 100)] = 1
    """A call is published when this many relays (all, if it has fewer) accepted the root and all turns."""
    sweep_interval_s: TimeoutS = 5.0
    """How often the scheduler looks for calls to publish, crashed calls, and relays that are back."""
    claim_batch: Annotated[int, Between(1, 10_000)] = 500
    """Deliveries to one relay that are claimed at once, and calls that one sweep prepares, at most."""
    pow: PowSettings = field(default_factory=PowSettings)
    profiles: bool = True
    """Relays that get an agent's threads also get its profile (kind 0: name, about, picture)."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Logs go to stderr (JSON under systemd)."""

    level: Annotated[str, OneOf("debug", "info", "warning", "error")] = "info"
    """Least serious log lines that are written."""
    format: Annotated[str, OneOf("auto", "console", "json")] = "auto"
    """`console` for people, `json` for machines; `auto`: JSON under systemd."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `home` is empty only in defaults; a loaded one is absolute."""

    home: str = ""
    """The data folder; empty: `agentvoice` in the XDG data folder (`~/.local/share`)."""
    project: str = "default"
    """Slug of the project that calls belong to when none is named."""
    http: HttpSettings = field(default_factory=HttpSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    calls: CallSettings = field(default_factory=CallSettings)
    sound: SoundSettings = field(default_factory=SoundSettings)
    engines: EnginesSettings = field(default_factory=EnginesSettings)
    relays: RelaySettings = field(default_factory=RelaySettings)
    bunker: BunkerSettings = field(default_factory=BunkerSettings)
    keys: KeysSettings = field(default_factory=KeysSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    log: LogSettings = field(default_factory=LogSettings)
    drain_timeout_s: TimeoutS = 30.0
    """How long SIGTERM waits for live calls before it ends them politely."""

    @property
    def database_place(self) -> str | Path:
        """Where the database is: a URL, or the SQLite file in the home folder."""
        return self.database.url or Path(self.home) / "agentvoice.db"

    @property
    def keys_folder(self) -> Path:
        """Folder of the key files."""
        return Path(self.home) / "keys"

    @property
    def relay_folder(self) -> Path:
        """Folder of the embedded relay's store."""
        return Path(self.home) / "relay"

    @property
    def control_socket(self) -> Path:
        """The daemon's control socket."""
        return Path(self.home) / "agentvoice.sock"
