from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.core.agent import AgentProfile, LocalSettings
from agentvoice.core.engine import BillsBy, EngineCapabilities
from agentvoice.core.handover import (
    HandoverPlan,
    Speaker,
    check_handover,
    handover_targets,
    plan_handover,
    speaker_of,
    transfer_target,
    transfer_tool,
)
from agentvoice.core.openai_settings import OpenAISettings
from agentvoice.errors import CallError

FIXED = EngineCapabilities(
    voice_fixed_after_audio=True,
    model_fixed=True,
    instructions_mutable=True,
    server_turn_taking=True,
    tools=True,
    bills_by=BillsBy.TOKENS,
    aligned_transcript=False,
)
FREE = replace(FIXED, voice_fixed_after_audio=False, model_fixed=False, bills_by=BillsBy.NOTHING)
ADA = Speaker("openai", "m", "marin")


@pytest.mark.parametrize(
    ("then", "capabilities", "has_spoken", "plan"),
    [
        (ADA, FIXED, True, HandoverPlan.IN_PLACE),
        (replace(ADA, voice="cedar"), FIXED, False, HandoverPlan.IN_PLACE),
        (replace(ADA, voice="cedar"), FIXED, True, HandoverPlan.NEW_SESSION),
        (replace(ADA, model="n"), FIXED, False, HandoverPlan.NEW_SESSION),
        (replace(ADA, engine="local"), FIXED, False, HandoverPlan.NEW_SESSION),
        (ADA, replace(FIXED, instructions_mutable=False), False, HandoverPlan.NEW_SESSION),
        (replace(ADA, model="n", voice="cedar"), FREE, True, HandoverPlan.IN_PLACE),
    ],
)
def test_in_place_when_the_session_can_become_the_other_agent(
    then: Speaker, capabilities: EngineCapabilities, has_spoken: bool, plan: HandoverPlan
):
    """A new session is needed only for what the session cannot change."""
    assert plan_handover(ADA, then, capabilities, has_spoken=has_spoken) is plan


def test_a_speaker_is_what_a_session_is_bound_to():
    """Model and voice come from the settings of the engine in use."""
    agent = AgentProfile("a", "A", local=LocalSettings(voice="low"), openai=OpenAISettings("m", "v"))
    assert speaker_of(agent, "openai") == Speaker("openai", "m", "v")
    assert speaker_of(agent, "local") == Speaker("local", "", "low")


def test_transfer_tools_name_their_target():
    """The tool's name and the slug are each other's inverse."""
    assert transfer_target(transfer_tool("max")) == "max"
    assert transfer_target("end_call") is None


def agents(*slugs: str) -> tuple[AgentProfile, ...]:
    return tuple(AgentProfile(slug, slug.title()) for slug in slugs)


def test_an_agent_that_names_no_targets_may_hand_over_to_all():
    """Everybody but itself and the disabled."""
    ada, bob, eve = agents("ada", "bob", "eve")
    everyone = (ada, bob, replace(eve, enabled=False))
    assert [target.slug for target in handover_targets(ada, everyone)] == ["bob"]


def test_named_targets_are_a_limit():
    """An agent that names targets hands over to no other."""
    ada, bob, eve = agents("ada", "bob", "eve")
    only_eve = replace(ada, handover_to=("eve",))
    targets = handover_targets(only_eve, (ada, bob, eve))
    assert [target.slug for target in targets] == ["eve"]
    check_handover("eve", only_eve, targets)
    with pytest.raises(CallError, match="ada cannot hand over to 'bob'; it can to eve"):
        check_handover("bob", only_eve, targets)


def test_a_handover_to_oneself_is_refused():
    """The agent that speaks cannot be handed to."""
    (ada,) = agents("ada")
    with pytest.raises(CallError, match="Ada is speaking already"):
        check_handover("ada", ada, ())
    with pytest.raises(CallError, match="it can to nobody"):
        check_handover("max", ada, ())
