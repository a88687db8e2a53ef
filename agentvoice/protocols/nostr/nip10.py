"""NIP-10: how replies point at their thread, by marked `e` tags.

A direct reply to the root has the `root` marker only; any deeper reply has `root` and `reply`.
"""

from __future__ import annotations

from agentvoice.core.event import SignedEvent, Tags

ROOT = "root"
REPLY = "reply"


def build_reply_tags(
    root_id: str, root_pubkey: str, *, parent_id: str = "", parent_pubkey: str = "", relay_hint: str = ""
) -> Tags:
    """Return the `e` tags of a reply to `parent_id`, or to the root if it is empty or the root itself."""
    root = ("e", root_id, relay_hint, ROOT, root_pubkey)
    if not parent_id or parent_id == root_id:
        return (root,)
    return (root, ("e", parent_id, relay_hint, REPLY, parent_pubkey))


def find_root(event: SignedEvent) -> str:
    """Return the id of the thread's root that `event` names; empty if it is a root itself."""
    return _marked(event, ROOT)


def find_parent(event: SignedEvent) -> str:
    """Return the id of the event that `event` replies to; empty if it is a root itself."""
    return _marked(event, REPLY) or _marked(event, ROOT)


def _marked(event: SignedEvent, marker: str) -> str:
    for tag in event.tags:
        if len(tag) >= 4 and tag[0] == "e" and tag[3] == marker:
            return tag[1]
    return ""
