"""The seams to the outside: what services ask of clocks, engines, legs, relays and signers.

Only what needs a network, a device or a clock is behind a port; storage is used as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from agentvoice.core.audio import AudioChunk
from agentvoice.core.engine import EngineCapabilities, SessionConfig
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.leg import CallUpdate, LegEvent
from agentvoice.core.metrics import Metric
from agentvoice.core.relay_limits import RelayLimits
from agentvoice.core.speech import (
    SpeechCommand,
    SpeechEvent,
)
from agentvoice.core.tool import HttpTool


class Clock(Protocol):
    """The one source of time; owned by the daemon, driven by hand in tests."""

    def utc_ms(self) -> int:
        """Return Unix time in ms."""
        ...

    def monotonic_s(self) -> float:
        """Return a time in seconds that never goes back."""
        ...

    async def sleep_until(self, monotonic_s: float) -> None:
        """Wait until `monotonic_s()` has reached the given time."""
        ...

    def deadline(self, timeout_s: float) -> AbstractAsyncContextManager[object]:
        """Return a context that raises errors.TimedOut when it lasts longer than `timeout_s`."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return random bytes (for ids and jitter)."""
        ...


class SpeechSession(Protocol):
    """One connection to a speech engine.

    `events` ends after SessionLost or close. Audio deltas are in order within an item.
    """

    @property
    def capabilities(self) -> EngineCapabilities:
        """What can be changed while the session lives."""
        ...

    def send(self, command: SpeechCommand) -> None:
        """Queue a command; never waits. Too much unsent audio drops the oldest (counted);
        after close nothing is sent.
        """
        ...

    def events(self) -> AsyncIterator[SpeechEvent]:
        """Yield what the session tells, in order."""
        ...

    async def close(self) -> None:
        """Close the session; may be called twice."""
        ...


class SpeechEngine(Protocol):
    """What listens and speaks."""

    @property
    def name(self) -> str:
        """`local` or `openai`."""
        ...

    @property
    def capabilities(self) -> EngineCapabilities:
        """What its sessions can change while they live."""
        ...

    async def open(self, config: SessionConfig) -> SpeechSession:
        """Open a session that is this agent.

        Raises EngineUnavailable (missing part, model or key), AuthenticationRejected,
        QuotaExceeded or a TransportError.
        """
        ...

    async def check(self) -> None:
        """Find out whether a session could be opened now; raises what `open` would raise."""
        ...

    async def close(self) -> None:
        """Release workers and connections."""
        ...


class CallerLeg(Protocol):
    """The person's transport. It converts to CALL_FORMAT and holds the one jitter buffer."""

    @property
    def transport(self) -> str:
        """`text`, `wav`, `device`, `page`: recorded with the call."""
        ...

    def events(self) -> AsyncIterator[LegEvent]:
        """Yield what the caller does; ends when the caller hung up."""
        ...

    def play(self, chunk: AudioChunk) -> None:
        """Queue sound to be played at once; never waits, never drops audio of the answer."""
        ...

    def clear_output(self) -> None:
        """Drop all sound that is not yet played; the leg answers with an OutputCleared event."""
        ...

    def show(self, update: CallUpdate) -> None:
        """Tell the caller's display what happened; never waits."""
        ...

    async def close(self) -> None:
        """Release files, devices and sockets; may be called twice."""
        ...


class Metrics(Protocol):
    """Takes numbers (core.metrics names them); never waits, never raises."""

    def add(self, metric: Metric, amount: float = 1.0, label: str = "") -> None:
        """Add to a counter or gauge; `label` is the value of the metric's label, if it has one."""
        ...

    def observe(self, metric: Metric, value: float) -> None:
        """Put a value into a histogram."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a tool's server said; `text` is at most the tool's `max_result_chars` long."""

    status: int
    text: str
    is_cut: bool = False


class HttpTools(Protocol):
    """Makes the requests of HTTP tools."""

    async def call(self, tool: HttpTool, arguments: Mapping[str, object]) -> HttpAnswer:
        """Make the request once and return the answer, whatever its status; no redirect is followed.

        Raises UsageError (an argument), ConfigError (a secret is missing), ConnectFailed,
        ConnectionLost, or TimedOut after the tool's `timeout_s`.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """A relay's answer to an event: OK's flag and its own words."""

    accepted: bool
    message: str


class Relays(Protocol):
    """Connections to relays, kept open and shared."""

    async def publish(self, relay: str, event: SignedEvent) -> RelayAnswer:
        """Send an event and return the relay's answer; AUTH (NIP-42) is answered when asked.

        As the event's author; for a gift wrap as a key that belongs to nobody. Many may call this at
        once for one relay: events fly together as soon as the relay has shown that it names the
        event it answers. Raises ConnectFailed (at once, without dialling, while the relay rests
        after a failed dial), ConnectionLost or TimedOut.
        """
        ...

    async def fetch(self, relay: str, filters: Sequence[dict[str, object]]) -> tuple[SignedEvent, ...]:
        """Return the stored events that match (REQ until EOSE); raises a TransportError."""
        ...

    async def limits(self, relay: str) -> RelayLimits:
        """Return what the relay says it takes (NIP-11), read once and again when old; never raises.

        Only the first time is the relay's document waited for, and not long. A relay that cannot be
        reached, says nothing or says it wrongly has no limits that we know.
        """
        ...

    async def probe(self, relay: str) -> bool:
        """Return whether a relay is back: it could not be dialled, and now it can. Never raises.

        Dials only when the relay's wait after its last failure is over, and at most once until then
        otherwise. A relay that was never dialled counts as one that could not be; of one that was
        reached the answer is False, so True comes once an outage: deliver then what waits for it.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Signer(Protocol):
    """Something that can sign as one pubkey; it may live far away (NIP-46)."""

    @property
    def pubkey(self) -> str:
        """Hex public key it signs as."""
        ...

    async def sign(self, event: UnsignedEvent) -> SignedEvent:
        """Return the signed event; raises InvalidKey if `event.pubkey` is not ours."""
        ...

    async def encrypt(self, pubkey: str, text: str) -> str:
        """Return `text` encrypted to `pubkey` (NIP-44 v2); raises LocalProtocolError or InvalidKey."""
        ...

    async def decrypt(self, pubkey: str, payload: str) -> str:
        """Return the text that `pubkey` encrypted to us (NIP-44 v2); raises RemoteProtocolError."""
        ...


NewSigner = Callable[[], Signer]
"""Make a signer with a new random key, which is kept nowhere."""

MineEvent = Callable[[UnsignedEvent, int], Awaitable[UnsignedEvent]]
"""Add the nonce that gives an event so many bits of proof of work (NIP-13), off the event loop."""

LoadSigner = Callable[[str], Awaitable[Signer]]
"""Give a key reference (`file:npub…`, `env:NAME`, `credential:NAME`, `ncryptsec:npub…`), get its signer;
raises InvalidKey, KeyFileRefused or NotFound, of which KeyNotHere may be another process's."""


class KeyMaker(Protocol):
    """Makes signing keys and keeps their secrets where only this user can read them."""

    def create(self) -> tuple[str, str]:
        """Make a key; return its reference and its hex public key."""
        ...

    def remove(self, reference: str) -> None:
        """Forget a key that was made and is not used."""
        ...
