"""What the model is told: bounded, alternating, and stable at its beginning."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from agentvoice.adapters.local_speech.context import (
    BUDGET_TOKENS,
    CALL_BEGINS,
    CALLER_WAITS,
    Context,
    estimate_tokens,
)
from agentvoice.core.agent import StageSettings
from agentvoice.core.engine import SessionConfig
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from tests.fakes.session_probe import config


def told(context: Context) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in context.messages()]


def long_call(context: Context, turns: int) -> None:
    for number in range(turns):
        context.enter(f"u{number}", Role.USER, f"question {number} " + "word " * 20)
        context.enter(f"a{number}", Role.AGENT, f"answer {number} " + "word " * 20)


def test_an_empty_call_asks_the_agent_to_speak():
    """Chat templates want a user's message last."""
    assert told(Context(config())) == [("system", "You are Ada."), ("user", CALLER_WAITS)]


def test_roles_alternate_and_the_user_comes_first():
    """A greeting is preceded by a user's message; messages in a row of one role are one."""
    context = Context(config())
    context.enter("g", Role.AGENT, "Hi.")
    context.enter("1", Role.USER, "One.")
    context.enter("2", Role.USER, "Two.")
    assert told(context)[1:] == [("user", CALL_BEGINS), ("assistant", "Hi."), ("user", "One.\nTwo.")]


def test_a_turn_keeps_its_place_until_its_text_comes():
    """A transcript that comes after the reply stands before it."""
    context = Context(config())
    context.enter("u", Role.USER)
    context.enter("a", Role.AGENT)
    context.add_text("a", "Fine")
    context.add_text("a", " so.")
    assert told(context)[1:] == [("user", CALL_BEGINS), ("assistant", "Fine so."), ("user", CALLER_WAITS)]
    context.set_text("u", "How?")
    assert told(context)[1:3] == [("user", "How?"), ("assistant", "Fine so.")]


def test_unknown_and_removed_items_stay_out():
    """Texts of items that are not here change nothing."""
    context = Context(config())
    context.enter("u", Role.USER, "Hi.")
    context.remove("u")
    context.remove("u")
    context.set_text("u", "No.")
    context.add_text("x", "No.")
    assert told(context)[1:] == [("user", CALLER_WAITS)]


def test_a_long_call_stays_within_its_budget():
    """Instructions stay whole, the oldest turns go, the last one stays."""
    context = Context(config())
    for number in range(200):
        long_call(context, 1)
        context.enter("last", Role.USER, f"last {number}")
        messages = context.messages()
        assert sum(estimate_tokens(message.content) for message in messages) <= BUDGET_TOKENS
        assert messages[-1].content.endswith(f"last {number}")
        context.remove("last")


def test_the_beginning_is_stable_for_many_turns():
    """The prefix cache is kept: the context moves on rarely, by half of its budget at a time."""
    context = Context(config())
    firsts = []
    for number in range(200):
        context.enter(f"u{number}", Role.USER, f"question {number} " + "word " * 20)
        context.enter(f"a{number}", Role.AGENT, f"answer {number} " + "word " * 20)
        firsts.append(context.messages()[1].content)
    moves = sum(one != other for one, other in pairwise(firsts))
    assert 0 < moves <= 200 / 10


def test_one_turn_above_the_budget_is_told_whole():
    """The last turn is never dropped."""
    context = Context(config())
    context.enter("u", Role.USER, "word " * 3_000)
    assert told(context)[-1][1].startswith("word")


def test_models_behind_an_endpoint_are_told_more():
    """The small budget is for small models only."""
    small = config()
    local = replace(small.agent.local, llm=StageSettings("big", "http://127.0.0.1:1/v1"))
    big = SessionConfig(replace(small.agent, local=local), small.instructions)
    lengths = []
    for session_config in (small, big):
        context = Context(session_config)
        long_call(context, 60)
        lengths.append(len(context.messages()))
    assert lengths[1] > 2 * lengths[0]


def test_another_agent_is_told_whose_call_it_takes_over():
    """A handover stands in the context, but not when nothing was said yet or the agent stays."""
    context = Context(config("ada"))
    context.configure(config("max"))
    assert told(context)[1:] == [("user", CALLER_WAITS)]
    context.enter("u", Role.USER, "Hi.")
    context.configure(config("max"))
    assert told(context)[1:] == [("user", "Hi.")]
    context.configure(config("ada"))
    assert told(context)[1:] == [("user", "Hi.\n[The caller was handed over from Max to you, Ada.]")]
    assert told(context)[0] == ("system", "You are Ada.")


@pytest.mark.parametrize(
    ("kind", "role", "text", "expected"),
    [
        (ItemKind.MESSAGE, Role.USER, "Hi.", [("user", "Hi.")]),
        (ItemKind.NOTICE, Role.SYSTEM, "Not published.", [("user", "[Not published.]")]),
        (ItemKind.HANDOVER, Role.SYSTEM, "a -> b", [("user", "[The caller was handed over: a -> b.]")]),
        (ItemKind.TOOL_CALL, Role.AGENT, "{}", [("user", CALLER_WAITS)]),
        (ItemKind.TOOL_RESULT, Role.TOOL, "{}", [("user", CALLER_WAITS)]),
        (ItemKind.MESSAGE, Role.AGENT, "", [("user", CALLER_WAITS)]),
    ],
)
def test_replayed_items(kind: ItemKind, role: Role, text: str, expected: list[tuple[str, str]]):
    """Each kind of item of the conversation so far is told in its way."""
    context = Context(config())
    context.replay(Item("i", 0, kind, role, "ada", text, ItemStatus.COMPLETED))
    assert told(context)[1:] == expected
