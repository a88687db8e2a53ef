"""Orders by voice become tool calls, as if the model had asked: one path for every handover."""

from __future__ import annotations

import itertools
import json

from agentvoice.adapters.local_speech.context import Context
from agentvoice.adapters.local_speech.mailbox import Outbox
from agentvoice.core.engine import TOOL_END_CALL, HandoverTarget, SessionConfig
from agentvoice.core.handover import transfer_tool
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    ItemAdded,
    ToolCallRequested,
)
from agentvoice.core.spoken_commands import SpokenCommand, find_command

MAX_REASON_CHARS = 200


class Orders:
    """What one session's caller orders. While a tool call waits for its result, nothing is an order."""

    def __init__(self, config: SessionConfig, context: Context, outbox: Outbox) -> None:
        self._context = context
        self._outbox = outbox
        self._numbers = itertools.count(1)
        self._open_tool = ""
        self.configure(config)

    def configure(self, config: SessionConfig) -> None:
        """Another agent listens, with other targets."""
        agent = config.agent
        self._listener = HandoverTarget(agent.slug, agent.name, agent.aliases)
        self._targets = config.targets

    @property
    def is_open(self) -> bool:
        """Whether a tool call waits for its result."""
        return bool(self._open_tool)

    def find(self, text: str) -> SpokenCommand | None:
        """Return the order in what the caller said."""
        return None if self.is_open else find_command(text, self._targets, self._listener)

    def transfer(self, slug: str, reason: str) -> None:
        """Ask the call to hand over to `slug`."""
        self._request(transfer_tool(slug), {"reason": reason[:MAX_REASON_CHARS]})

    def end_call(self) -> None:
        """Ask the call to end."""
        self._request(TOOL_END_CALL, {})

    def _request(self, name: str, arguments: dict[str, str]) -> None:
        ref = f"tool_{next(self._numbers)}"
        self._open_tool = name
        self._outbox.put(ItemAdded(ref, ItemKind.TOOL_CALL, Role.AGENT))
        self._outbox.put(ToolCallRequested(ref, ref, name, json.dumps(arguments)))

    def answered(self, output: str) -> None:
        """The tool's result is there; the model is told, unless the call's next step told it already."""
        if self.is_open:
            self._context.remark(f"{self._open_tool} was answered: {output}")
        self.settle()

    def settle(self) -> None:
        """Nothing waits any more: another agent took over, or a reply was asked for."""
        self._open_tool = ""
