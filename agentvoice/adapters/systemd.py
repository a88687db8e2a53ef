"""Telling the service manager how we are: sd_notify(3) over its datagram socket."""

from __future__ import annotations

import os
import socket

from agentvoice.core.ports import Clock

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"
US_PER_S = 1_000_000


def notify(*lines: str) -> bool:
    """Send the lines to `$NOTIFY_SOCKET`; return False when no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # an abstract socket's name begins with NUL
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False  # being supervised is a service to us, never a reason to fail
    return True


def reloading(monotonic_s: float) -> tuple[str, ...]:
    """Return the lines that announce a reload; the time is CLOCK_MONOTONIC (Type=notify-reload)."""
    return ("RELOADING=1", f"MONOTONIC_USEC={int(monotonic_s * US_PER_S)}")


def watchdog_interval_s() -> float | None:
    """Return how often the watchdog wants to hear of us (half of `$WATCHDOG_USEC`), None: never."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / US_PER_S / 2


async def feed_watchdog(clock: Clock) -> None:
    """Tell the service manager that the loop turns, as often as it wants to hear it."""
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        notify(WATCHDOG)
        await clock.sleep_until(clock.monotonic_s() + interval_s)
