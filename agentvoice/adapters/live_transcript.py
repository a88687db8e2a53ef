"""What a call shows, as lines of text: who said what, who speaks now, what went wrong."""

from __future__ import annotations

from collections.abc import Callable

from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import AgentChanged, CallUpdate, ItemChanged, PublishingChanged

CALLER_NAME = "you"
CUT_MARK = " …"


class LiveTranscript:
    """Give it to a leg as `on_update`; `write_line` gets each finished line, without a line end.

    A turn that was re-opened and became longer is written again.
    """

    def __init__(self, write_line: Callable[[str], None]) -> None:
        self._write_line = write_line
        self._names: dict[str, str] = {}
        self._written: dict[str, str] = {}
        self._is_refused = False

    def __call__(self, update: CallUpdate) -> None:
        """Write the line of an update, if it makes one."""
        match update:
            case AgentChanged(slug, name):
                self._names[slug] = name
                self._write_line(f"— {_plain(name)} is on the call —")
            case ItemChanged(item) if item.is_finished and item.text:
                self._write_item(item)
            case PublishingChanged(refused=True) if not self._is_refused:
                self._is_refused = True
                self._write_line("— this call will not be published —")
            case _:
                pass

    def _write_item(self, item: Item) -> None:
        line = self._line(item)
        if line and self._written.get(item.id) != line:
            self._written[item.id] = line
            self._write_line(_plain(line))

    def _line(self, item: Item) -> str:
        if item.kind is ItemKind.NOTICE:
            return f"({item.text})"
        if item.kind is not ItemKind.MESSAGE:
            return ""  # tool calls, results and handovers are not said; AgentChanged shows the last
        name = CALLER_NAME if item.role is Role.USER else self._names.get(item.agent, item.agent)
        cut = CUT_MARK if item.status is ItemStatus.INTERRUPTED else ""
        return f"{name}: {item.text}{cut}"


def _plain(text: str) -> str:
    """Return what was said on one line, without what a terminal would obey: it comes from outside."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
