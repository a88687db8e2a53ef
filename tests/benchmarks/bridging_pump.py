"""The yardstick for bridging: sockets in, base64 and JSON out and back, and no feature at all.

`websockets` and the standard library, as anybody would begin. Run as a program with the provider's
address; it prints the port that it serves.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def _up(caller: ServerConnection, provider: ClientConnection) -> None:
    async for sound in caller:
        assert isinstance(sound, bytes)
        audio = base64.b64encode(sound).decode()
        await provider.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


async def _down(caller: ServerConnection, provider: ClientConnection) -> None:
    async for frame in provider:
        event = json.loads(frame)
        if event["type"] == "response.output_audio.delta":
            await caller.send(base64.b64decode(event["delta"]))


async def main(url: str) -> None:
    """Pump for every caller until the process is ended."""

    async def bridge(caller: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async with connect(url, compression=None) as provider:
                await provider.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
                down = asyncio.create_task(_down(caller, provider))
                try:
                    await _up(caller, provider)
                finally:
                    down.cancel()

    async with serve(bridge, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
