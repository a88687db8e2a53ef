"""The items of one Realtime session: who was told of them, what sound of them came, where they end.

Pure bookkeeping for RealtimeProtocol: an item is announced once however many server events
mention it, finished once, and says nothing more after it was cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.item import ItemKind
from agentvoice.core.speech import TruncateItem


@dataclass(slots=True)
class TrackedItem:
    """What the session knows of an item. `received_bytes` is by content index."""

    ref: str
    kind: ItemKind
    response: str = ""
    is_done: bool = False
    is_cut: bool = False
    received_bytes: dict[int, int] = field(default_factory=dict)
    finished_parts: set[int] = field(default_factory=set)
    half_sample: bytes = b""
    """The begin of a sample that its delta cut in two; it waits for the next delta."""

    def whole_samples(self, part: int, sound: bytes) -> bytes:
        """Take in sound of a part; return it up to its last whole sample."""
        self.received_bytes[part] = self.received_bytes.get(part, 0) + len(sound)
        sound = self.half_sample + sound
        end = len(sound) - len(sound) % CALL_FORMAT.sample_bytes
        self.half_sample = sound[end:]
        return sound[:end]

    @property
    def is_silent(self) -> bool:
        """Whether nothing more is told of it."""
        return self.is_done or self.is_cut


class ItemLedger:
    """The items of one session by their refs."""

    def __init__(self) -> None:
        self._items: dict[str, TrackedItem] = {}
        self._ours: set[str] = set()

    def add_ours(self, ref: str) -> None:
        """We create this item: its echo is no news."""
        self._ours.add(ref)

    def get(self, ref: str) -> TrackedItem | None:
        """Return an item that was told, None for one that is ours or unknown."""
        return self._items.get(ref)

    def add(self, ref: str, kind: ItemKind, response: str = "") -> TrackedItem | None:
        """Take in an item; None when it is known already."""
        if ref in self._items or ref in self._ours:
            return None
        self._items[ref] = item = TrackedItem(ref, kind, response)
        return item

    def known(self, ref: str | None) -> str | None:
        """Return `ref` if anybody above knows it; an unknown predecessor means: at the end."""
        return ref if ref in self._items or ref in self._ours else None

    def of_response(self, response: str) -> list[TrackedItem]:
        """Return the items of a response, in order."""
        return [item for item in self._items.values() if item.response == response]

    def open_items(self, response: str) -> list[TrackedItem]:
        """Return the items of a response that are not finished, in order."""
        return [item for item in self.of_response(response) if not item.is_silent]

    def open_ends(self, response: str) -> list[TruncateItem]:
        """Return the cuts of a cancelled response's items that nobody cut: their sound was heard as
        far as it came, and the server may have made more of it than it has sent.
        """
        wanted = [
            TruncateItem(item.ref, part, CALL_FORMAT.ms_of(size))
            for item in self.open_items(response)
            for part, size in item.received_bytes.items()
        ]
        return [cut for cut in map(self.cut, wanted) if cut is not None]

    def cut(self, wanted: TruncateItem) -> TruncateItem | None:
        """Return the cut as the server must be told of it; None when there is nothing to tell.

        `heard_ms` is clamped to the sound received (more is an error there, and a clock may run
        ahead of the sound). A part heard to its end is not cut. 0 ms of an item's first part
        means that nothing of the item was heard: it is deleted.
        """
        item = self._items.get(wanted.ref)
        if item is None or item.is_cut:
            return None
        part = wanted.content_index
        received_ms = CALL_FORMAT.ms_of(item.received_bytes.get(part, 0))
        is_complete = item.is_done or part in item.finished_parts
        if received_ms == 0 or (is_complete and wanted.heard_ms >= received_ms):
            return None
        item.is_cut = True
        return replace(wanted, heard_ms=min(wanted.heard_ms, received_ms))
