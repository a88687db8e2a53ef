from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentvoice.adapters import systemd
from tests.fakes.clock import ManualClock


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket, named in the environment."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.setblocking(False)
        os.environ["NOTIFY_SOCKET"] = path
        yield sock


def test_lines_reach_the_service_manager(listener: socket.socket):
    """One datagram, a line each."""
    assert systemd.notify(systemd.READY, "STATUS=two calls")
    assert listener.recv(4096) == b"READY=1\nSTATUS=two calls"


def test_an_abstract_socket_is_reached():
    """A name that begins with @ is an abstract socket."""
    name = f"agentvoice-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.setblocking(False)
        os.environ["NOTIFY_SOCKET"] = "@" + name
        assert systemd.notify(systemd.STOPPING)
        assert sock.recv(4096) == b"STOPPING=1"


def test_without_a_service_manager_nothing_happens(tmp_path: Path):
    """No address, or nobody there: told by False, never by an error."""
    assert systemd.notify(systemd.READY) is False
    os.environ["NOTIFY_SOCKET"] = str(tmp_path / "nobody")
    assert systemd.notify(systemd.READY) is False


def test_a_reload_names_the_monotonic_time():
    """Systemd wants microseconds."""
    assert systemd.reloading(1.5) == ("RELOADING=1", "MONOTONIC_USEC=1500000")


@pytest.mark.parametrize(
    ("usec", "pid", "interval_s"),
    [("", "", None), ("0", "", None), ("junk", "", None), ("30000000", "", 15.0), ("30000000", "1", None)],
)
def test_the_watchdog_hears_of_us_twice_in_its_time(usec: str, pid: str, interval_s: float | None):
    """Half of WATCHDOG_USEC, and only when it is meant for this process."""
    os.environ.update(WATCHDOG_USEC=usec, WATCHDOG_PID=pid)
    assert systemd.watchdog_interval_s() == interval_s


def test_the_watchdog_may_name_this_process():
    """WATCHDOG_PID of our own counts."""
    os.environ.update(WATCHDOG_USEC="2000000", WATCHDOG_PID=str(os.getpid()))
    assert systemd.watchdog_interval_s() == 1.0


async def test_the_watchdog_is_fed_as_long_as_the_loop_turns(listener: socket.socket):
    """It hears of us at once and then in each interval; without a watchdog nothing is sent."""
    clock = ManualClock()
    await systemd.feed_watchdog(clock)
    os.environ.update(WATCHDOG_USEC="2000000", WATCHDOG_PID="")
    feeding = asyncio.create_task(systemd.feed_watchdog(clock))
    await clock.advance(2.5)
    feeding.cancel()
    assert [listener.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    with pytest.raises(BlockingIOError):
        listener.recv(4096)
