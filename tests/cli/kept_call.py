"""An ended call of two agents, kept in the database of the test's home."""

from __future__ import annotations

import asyncio

from agentvoice.adapters.signer import KeySigner
from agentvoice.config import load_settings
from agentvoice.core.call import Call, CallState, EndReason
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.ids import build_uuid7
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.storage import agents, conversations, preparations, usage
from agentvoice.storage.database import Database
from agentvoice.storage.usage import UsageEntry
from tests.cli.conftest import Cli

STARTED_AT = 1_700_000_000_000


def new_id(number: int) -> str:
    return build_uuid7(STARTED_AT + number, bytes(10))


CALL_ID = new_id(1)


ITEMS = (
    Item(new_id(2), 1, ItemKind.MESSAGE, Role.USER, "ada", "Hello\x1b[2J?", ItemStatus.COMPLETED),
    Item(new_id(3), 2, ItemKind.MESSAGE, Role.AGENT, "ada", "Good", ItemStatus.INTERRUPTED, 640),
    Item(
        new_id(4),
        3,
        ItemKind.HANDOVER,
        Role.SYSTEM,
        "max",
        "Ada hands over to Max.",
        ItemStatus.COMPLETED,
    ),
    Item(
        new_id(7),
        4,
        ItemKind.TOOL_CALL,
        Role.AGENT,
        "max",
        '{"text": "seven"}',
        ItemStatus.COMPLETED,
        tool_name="note",
        tool_call_id=new_id(7),
    ),
)


def keep_unsigned_call(cli: Cli) -> None:
    """Store the call; its thread waits to be signed."""
    cli("agent", "add", "ada")
    cli("agent", "add", "max")
    database = Database.open(load_settings().database_place)
    with database.writing() as session:
        call = Call(
            CALL_ID,
            "default",
            "ada",
            "wav",
            "local",
            CallState.LIVE,
            PublishPolicy.PUBLIC,
            ("embedded",),
            "me",
            0,
            STARTED_AT,
        )
        conversations.create_call(session, call)
        for number, slug in enumerate(("ada", "max")):
            conversations.add_call_agent(
                session, CALL_ID, agents.get_agent(session, slug), STARTED_AT + number
            )
        for item in ITEMS:
            conversations.upsert_item(session, CALL_ID, item)
        for number in (5, 6):
            entry = UsageEntry(
                new_id(number), CALL_ID, "default", "ada", "openai", "m", STARTED_AT, 11_759_600,
                input_text_tokens=3, audio_ms=500, priced_as_of="2026-11-01", is_estimate=number == 6,
            )  # fmt: skip
            usage.add_usage(session, entry)
        conversations.end_call(session, CALL_ID, EndReason.CALLER, STARTED_AT + 65_000)
    database.close()


def keep_call(cli: Cli) -> None:
    """Store the call; its thread is signed and waits for two relays."""
    keep_unsigned_call(cli)
    database = Database.open(load_settings().database_place)
    with database.writing(durable=True) as session:
        signer = KeySigner.generate()
        draft = UnsignedEvent(signer.pubkey, STARTED_AT // 1000, 1, (("t", "voice-conversation"),), "head")
        root = asyncio.run(signer.sign(draft))
        assert preparations.store_thread(
            session, CALL_ID, [root], ["wss://relay.example", "embedded"], STARTED_AT
        )
    database.close()
