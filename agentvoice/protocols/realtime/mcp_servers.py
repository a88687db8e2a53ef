"""MCP servers, whose tools run at the provider: what an operator should know of them is remarked on."""

from __future__ import annotations

from collections.abc import Iterator

from agentvoice.core.speech import SpeechEvent
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.remarks import Remarks


class McpServers:
    """The MCP servers of one session, by the items that list their tools."""

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks
        self._labels: dict[str, str] = {}

    def placed(self, item_id: str, item_type: str, label: str) -> None:
        """An item of a server entered the conversation."""
        self._labels[item_id] = label
        if item_type == "mcp_approval_request":
            self._remarks.add(
                f"approval {label}",
                f"the MCP server {label} waits for an approval, which nobody can give here",
            )

    def listing_failed(self, event: se.McpListingFailed) -> Iterator[SpeechEvent]:
        """The call goes on without the server's tools; the operator finds out why from its log."""
        label = self._labels.get(event.item_id, "(unnamed)")
        self._remarks.add(f"mcp {label}", f"the provider could not list the tools of the MCP server {label}")
        yield from ()
