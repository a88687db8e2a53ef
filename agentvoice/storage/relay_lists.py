"""The relays that people name for themselves, as last read: so that one dead relay forgets nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from agentvoice.core.relay_address import ListedRelay
from agentvoice.storage.publication_models import RelayListRow
from agentvoice.storage.upsert import upsert


@dataclass(frozen=True, slots=True)
class RelayList:
    """What a pubkey's newest list says, addresses normalized. `created_at` is the event's (Unix seconds), 0: there is none.

    `fetched_at` is when it was last looked for (UTC ms).
    """

    pubkey: str
    kind: int
    relays: tuple[ListedRelay, ...]
    created_at: int
    fetched_at: int


def find_relay_list(session: Session, pubkey: str, kind: int) -> RelayList | None:
    """Return the list as last read, None if it was never looked for."""
    row = session.get(RelayListRow, (pubkey, kind))
    return None if row is None else _value(row)


def store_relay_list(session: Session, found: RelayList) -> None:
    """Keep what was found in the place of what was known."""
    values = {
        "pubkey": found.pubkey,
        "kind": found.kind,
        "relays": "\n".join(map(_line, found.relays)),
        "created_at": found.created_at,
        "fetched_at": found.fetched_at,
    }
    upsert(session, RelayListRow, values, key=("pubkey", "kind"), fixed=())


def _value(row: RelayListRow) -> RelayList:
    relays = tuple(map(_relay, row.relays.split("\n"))) if row.relays else ()
    return RelayList(row.pubkey, row.kind, relays, row.created_at, row.fetched_at)


def _line(relay: ListedRelay) -> str:
    return f"{'r' * relay.reads}{'w' * relay.writes} {relay.address}"


def _relay(line: str) -> ListedRelay:
    uses, _, address = line.partition(" ")
    return ListedRelay(address, "r" in uses, "w" in uses)
