"""The process that is killed: the real publisher over a database, with its real relay connections.

`python -m tests.publisher_kills.victim FOLDER`: it says `ready`, waits for a line `NAME AHEAD_MS`, then
sweeps again and again, and says `sweeping` before each time.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from agentvoice.adapters.pow_miner import mine
from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import PublishSettings, RelaySettings
from agentvoice.core.ports import Signer
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.services.publisher import Publisher
from agentvoice.storage.database import Database
from tests.services.press import PressKeys

SWEEP_PAUSE_S = 0.02


class LaterClock(SystemClock):
    """The machine's clock as it will be later, so that the locks of the dead have run out."""

    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms

    def utc_ms(self) -> int:
        return super().utc_ms() + self._ahead_ms


async def publish_until_killed(folder: Path, name: str, clock: SystemClock) -> None:
    """Sweep for ever, as the daemon's scheduler does, only more often."""
    keys = PressKeys(folder / "keys")

    async def find_signer(pubkey: str) -> Signer | None:
        return await keys.load(f"file:{encode_npub(pubkey)}")

    publisher = Publisher(
        database=Database.open(folder / "agentvoice.db"),
        relays=WebsocketRelays(RelaySettings(), clock, find_signer),
        load_signer=keys.load,
        find_forgery=find_forgery,
        new_signer=KeySigner.generate,
        mine=mine,
        embedded_address=str,
        clock=clock,
        settings=PublishSettings(),
        owner_id=name,
    )
    while True:
        _say("sweeping")
        await publisher.sweep()
        await clock.sleep_until(clock.monotonic_s() + SWEEP_PAUSE_S)


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    """Wait for the word to begin, so that starting Python is no part of the publisher's life."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    _say("ready")
    name, ahead_ms = sys.stdin.readline().split()
    asyncio.run(publish_until_killed(Path(sys.argv[1]), name, LaterClock(int(ahead_ms))))


if __name__ == "__main__":
    main()
