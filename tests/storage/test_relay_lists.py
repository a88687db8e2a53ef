from __future__ import annotations

from agentvoice.core.relay_address import ListedRelay
from agentvoice.storage.database import Database
from agentvoice.storage.relay_lists import RelayList, find_relay_list, store_relay_list

LISTED = (
    ListedRelay("wss://both.example", True, True),
    ListedRelay("wss://read.example", True, False),
    ListedRelay("wss://write.example", False, True),
)


def test_the_newest_list_takes_the_place_of_the_one_before(database: Database):
    """Each kind of each pubkey has one list; what was never looked for is None."""
    full, empty = RelayList("a" * 64, 10_002, LISTED, 5, 1_000), RelayList("a" * 64, 10_002, (), 0, 2_000)
    with database.writing() as session:
        assert find_relay_list(session, "a" * 64, 10_002) is None
        store_relay_list(session, empty)
        store_relay_list(session, full)
    with database.reading() as session:
        assert find_relay_list(session, "a" * 64, 10_002) == full
        assert find_relay_list(session, "a" * 64, 10_050) is None
    with database.writing() as session:
        store_relay_list(session, empty)
        assert find_relay_list(session, "a" * 64, 10_002) == empty
