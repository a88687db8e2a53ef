from __future__ import annotations

from agentvoice.core.event import SignedEvent, Tags
from agentvoice.protocols.nostr.nip10 import build_reply_tags, find_parent, find_root

ROOT, PARENT, AUTHOR, OTHER = "a" * 64, "b" * 64, "c" * 64, "d" * 64


def event(tags: Tags) -> SignedEvent:
    return SignedEvent("e" * 64, AUTHOR, 1, 1, tags, "", "f" * 128)


def test_a_direct_reply_has_the_root_marker_only():
    """A reply to the root names it once, as root, with its author."""
    expected = (("e", ROOT, "wss://r", "root", AUTHOR),)
    assert build_reply_tags(ROOT, AUTHOR, relay_hint="wss://r") == expected
    assert (
        build_reply_tags(ROOT, AUTHOR, parent_id=ROOT, parent_pubkey=AUTHOR, relay_hint="wss://r") == expected
    )


def test_a_deeper_reply_names_root_and_parent():
    """Below another reply there are two tags, root first."""
    assert build_reply_tags(ROOT, AUTHOR, parent_id=PARENT, parent_pubkey=OTHER) == (
        ("e", ROOT, "", "root", AUTHOR),
        ("e", PARENT, "", "reply", OTHER),
    )


def test_root_and_parent_are_found_again():
    """Reading gives back what building wrote; a root names neither; unmarked tags do not count."""
    deep = event(build_reply_tags(ROOT, AUTHOR, parent_id=PARENT, parent_pubkey=OTHER))
    assert (find_root(deep), find_parent(deep)) == (ROOT, PARENT)
    direct = event(build_reply_tags(ROOT, AUTHOR))
    assert (find_root(direct), find_parent(direct)) == (ROOT, ROOT)
    root = event((("e", ROOT), ("e", ROOT, "", "mention"), ("t", "x")))
    assert (find_root(root), find_parent(root)) == ("", "")
