from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agentvoice.adapters.embedded_relay import EmbeddedRelay, find_running_relay
from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import Signer
from agentvoice.errors import ConfigError, ConnectFailed, Refused


async def no_signer(pubkey: str) -> Signer | None:
    return None


@pytest.fixture
async def relays():
    opened = WebsocketRelays(RelaySettings(), SystemClock(), no_signer)
    yield opened
    await opened.close()


@pytest.fixture
async def relay(tmp_path: Path):
    running = EmbeddedRelay(tmp_path / "home" / "relay", "127.0.0.1", 0)
    await running.start()
    yield running
    await running.stop()


async def note(signer: KeySigner, text: str) -> SignedEvent:
    return await signer.sign(UnsignedEvent(signer.pubkey, 1_700_000_000, 1, (), text))


async def test_port_0_takes_a_free_one(relay: EmbeddedRelay):
    """The address names a real port on loopback, while it runs."""
    host, _, port = relay.address.removeprefix("ws://").partition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0
    await relay.stop()
    assert relay.address == ""


async def test_a_long_call_fits_without_a_pause(relay: EmbeddedRelay, relays: WebsocketRelays):
    """Its rate limit does not slow our own publisher: 300 events at once are taken."""
    signer = KeySigner.generate()
    events = [await note(signer, str(n)) for n in range(300)]
    answers = [await relays.publish(relay.address, event) for event in events]
    assert all(answer.accepted for answer in answers)


async def test_its_callbacks_run_aside(
    relay: EmbeddedRelay, relays: WebsocketRelays, monkeypatch: pytest.MonkeyPatch
):
    """The loop that carries audio runs nothing of the relay's: its callbacks are in another thread."""
    here = asyncio.get_running_loop()
    ran_here: list[str] = []
    call_soon = here.call_soon_threadsafe

    def watched(callback, *args, **options):
        ran_here.append(getattr(callback, "__module__", ""))
        return call_soon(callback, *args, **options)

    monkeypatch.setattr(here, "call_soon_threadsafe", watched)
    assert (await relays.publish(relay.address, await note(KeySigner.generate(), "x"))).accepted
    monkeypatch.undo()
    assert [name for name in ran_here if "nostr" in str(name)] == []
    assert "embedded-relay" in {thread.name for thread in threading.enumerate()}
    await relay.stop()
    assert "embedded-relay" not in {thread.name for thread in threading.enumerate()}


async def test_events_outlive_the_process_that_took_them(tmp_path: Path, relays: WebsocketRelays):
    """Stopped and started again over the same folder, it still has the event."""
    event = await note(KeySigner.generate(), "stay")
    first = EmbeddedRelay(tmp_path / "relay", "127.0.0.1", 0)
    await first.start()
    await relays.publish(first.address, event)
    await first.stop()
    second = EmbeddedRelay(tmp_path / "relay", "127.0.0.1", 0)
    await second.start()
    assert await relays.fetch(second.address, [{"ids": [event.id]}]) == (event,)
    await second.stop()


async def test_a_taken_port_is_one_clear_error(tmp_path: Path):
    """The message names the setting, and nothing is left locked."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        relay = EmbeddedRelay(tmp_path / "relay", "127.0.0.1", port)
        with pytest.raises(ConfigError, match=rf"relays\.embedded_port: got {port} on 127\.0\.0\.1"):
            await relay.start()
    await relay.start()
    assert relay.address == f"ws://127.0.0.1:{port}"
    await relay.stop()


async def test_a_host_is_an_address(tmp_path: Path):
    """A name, or an address of another machine, is refused as a setting."""
    with pytest.raises(ConfigError, match=r"relays\.embedded_host: got 'localhost'"):
        await EmbeddedRelay(tmp_path / "relay", "localhost", 0).start()


async def test_one_process_owns_a_folder(relay: EmbeddedRelay, tmp_path: Path):
    """A second relay over the folder is refused, and can learn the address of the first."""
    folder = tmp_path / "home" / "relay"
    with pytest.raises(Refused, match="another agentvoice process runs it"):
        await EmbeddedRelay(folder, "127.0.0.1", 0).start()
    script = "import sys, pathlib; from agentvoice.adapters.embedded_relay import find_running_relay as find;"
    script += "print(find(pathlib.Path(sys.argv[1])))"
    asked = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.strip() == relay.address
    await relay.stop()
    assert find_running_relay(folder) == ""


async def test_those_who_ask_are_not_taken_for_owners(tmp_path: Path):
    """A relay starts though others ask all the time whether one runs."""
    folder, stop = tmp_path / "relay", threading.Event()

    def ask() -> None:
        while not stop.is_set():
            find_running_relay(folder)

    asking = asyncio.ensure_future(asyncio.to_thread(ask))
    try:
        for _ in range(20):
            relay = EmbeddedRelay(folder, "127.0.0.1", 0)
            await relay.start()
            await relay.stop()
    finally:
        stop.set()
        await asking


def test_nobody_runs_it_where_there_is_no_folder(tmp_path: Path):
    """Asking for a relay that never was finds none."""
    assert find_running_relay(tmp_path / "nowhere") == ""


async def test_the_folder_is_private(relay: EmbeddedRelay, tmp_path: Path):
    """Other users of the machine cannot read what was said."""
    assert stat.S_IMODE((tmp_path / "home" / "relay").stat().st_mode) == 0o700


async def test_a_folder_that_cannot_be_written(tmp_path: Path):
    """A file in the way is one clear refusal."""
    (tmp_path / "relay").write_text("a file")
    with pytest.raises(Refused, match="cannot be written"):
        await EmbeddedRelay(tmp_path / "relay", "127.0.0.1", 0).start()


async def test_stop_really_stops(relay: EmbeddedRelay, relays: WebsocketRelays):
    """After stop nothing answers; start and stop may be called twice."""
    await relay.start()
    address = relay.address
    await relay.stop()
    await relay.stop()
    with pytest.raises(ConnectFailed):
        await relays.publish(address, await note(KeySigner.generate(), "late"))
