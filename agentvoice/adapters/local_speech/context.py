"""What the language model is told: the agent's instructions and the last turns, within a budget.

Small models and their prefix caches shape it. It only grows at the end; when it is over its
budget the older half goes at once, so that the beginning stays the same for many turns. User and
assistant alternate and the user comes first, since some chat templates refuse anything else:
remarks (handovers, notices) stand in brackets in the user's message.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentvoice.adapters.local_speech.stages import ChatMessage
from agentvoice.core.engine import SessionConfig
from agentvoice.core.item import Item, ItemKind, Role

BUDGET_TOKENS = 1_500
"""Instructions and turns for a model in the worker: what a small one can attend to, and read in time."""
HTTP_BUDGET_TOKENS = 8_000
"""The same for a model behind an endpoint."""
MIN_TURNS_TOKENS = 400
"""Left to the turns however long the instructions are."""
CHARS_PER_TOKEN = 4
MESSAGE_TOKENS = 5
"""What a chat template puts around each message."""

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"

CALL_BEGINS = "[The call begins.]"
CALLER_WAITS = "[The caller waits for you to speak.]"


@dataclass(slots=True)
class _Entry:
    role: str
    text: str

    @property
    def tokens(self) -> int:
        return estimate_tokens(self.text) + MESSAGE_TOKENS


def estimate_tokens(text: str) -> int:
    """Return about how many tokens English text has."""
    return -(-len(text) // CHARS_PER_TOKEN)


class Context:
    """The context of one session. `ref` names an item of the session."""

    def __init__(self, config: SessionConfig) -> None:
        self._config = config
        self._entries: dict[str, _Entry] = {}
        self._remarks = 0

    def configure(self, config: SessionConfig) -> None:
        """Be another agent from now on; it is told whose call it takes over."""
        before, self._config = self._config.agent, config
        if before.slug != config.agent.slug and self._entries:
            self.remark(f"The caller was handed over from {before.name} to you, {config.agent.name}.")

    def enter(self, ref: str, role: Role, text: str = "") -> None:
        """Give an item its place at the end; its text may come later."""
        self._entries[ref] = _Entry(ASSISTANT if role is Role.AGENT else USER, text)

    def set_text(self, ref: str, text: str) -> None:
        """Set an item's text; an item that is not (or no longer) here stays out."""
        if ref in self._entries:
            self._entries[ref].text = text

    def add_text(self, ref: str, text: str) -> None:
        """Add to an item's text."""
        if ref in self._entries:
            self._entries[ref].text += text

    def remove(self, ref: str) -> None:
        """Forget an item, if it is here."""
        self._entries.pop(ref, None)

    def remark(self, text: str) -> None:
        """Tell the model something that nobody said."""
        self._remarks += 1
        self._entries[f"remark_{self._remarks}"] = _Entry(USER, f"[{text}]")

    def replay(self, item: Item) -> None:
        """Take in an item of the conversation so far; of tools only their effects are told."""
        if not item.text:
            return
        match item.kind:
            case ItemKind.MESSAGE:
                self.enter(item.id, item.role, item.text)
            case ItemKind.HANDOVER:
                self.remark(f"The caller was handed over: {item.text}.")
            case ItemKind.NOTICE:
                self.remark(item.text)
            case ItemKind.TOOL_CALL | ItemKind.TOOL_RESULT:
                pass

    def messages(self) -> tuple[ChatMessage, ...]:
        """Return what the model is told now; the last message is the user's."""
        self._fit()
        turns: list[ChatMessage] = []
        for entry in self._entries.values():
            if not entry.text:
                continue
            if turns and turns[-1].role == entry.role:
                turns[-1] = ChatMessage(entry.role, f"{turns[-1].content}\n{entry.text}")
            elif not turns and entry.role == ASSISTANT:
                turns += [ChatMessage(USER, CALL_BEGINS), ChatMessage(entry.role, entry.text)]
            else:
                turns.append(ChatMessage(entry.role, entry.text))
        if not turns or turns[-1].role == ASSISTANT:
            turns.append(ChatMessage(USER, CALLER_WAITS))
        return (ChatMessage(SYSTEM, self._config.instructions), *turns)

    def _fit(self) -> None:
        """When over the budget, forget the oldest turns down to half of it; the last one stays."""
        budget = HTTP_BUDGET_TOKENS if self._config.agent.local.llm.url else BUDGET_TOKENS
        for_turns = max(MIN_TURNS_TOKENS, budget - estimate_tokens(self._config.instructions))
        total = sum(entry.tokens for entry in self._entries.values())
        if total <= for_turns:
            return
        for ref in list(self._entries)[:-1]:
            if total <= for_turns // 2:
                return
            total -= self._entries.pop(ref).tokens
