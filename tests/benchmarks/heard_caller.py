"""A program that plays what it reads on this machine's speaker, as the caller leg of a call does.

Given a sample rate of the device and a count of samples: once so many were heard, the rest is cleared.
It prints a line of JSON for each report of the leg, with the time (the event loop's, the same in all
programs), and ends when all that was not cleared is heard.
"""

from __future__ import annotations

import asyncio
import json
import sys

from agentvoice.adapters import device_stream
from agentvoice.adapters.sound_device import SoundDeviceLeg
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.echo import FullDuplex
from agentvoice.core.leg import OutputCleared, Played


async def main(rate_hz: int, clear_at: int, sound: bytes) -> None:
    """Play, clear, report."""
    device_stream.rates_to_try = lambda microphone, speaker: [rate_hz]
    open_stream = device_stream.open_duplex_stream(device_stream.DeviceNames())
    leg = SoundDeviceLeg(open_stream, SystemClock(), FullDuplex())
    await leg.open()
    leg.play(AudioChunk(CALL_FORMAT, sound))
    cleared, is_cleared = -1, False
    async for event in leg.events():
        if not isinstance(event, Played | OutputCleared):
            continue
        at_s = asyncio.get_running_loop().time()
        line = json.dumps({"what": type(event).__name__, "at_s": at_s, "samples": event.sample_count})
        sys.stdout.write(line + "\n")
        if isinstance(event, OutputCleared):
            cleared = event.sample_count
        elif event.sample_count == cleared:
            await leg.close()
        elif event.sample_count >= clear_at and not is_cleared:
            is_cleared = True
            leg.clear_output()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read()))
