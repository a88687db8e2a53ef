"""The local engine opens sessions that share one set of models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.adapters.local_speech.engine import LocalEngine
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import StageSettings
from agentvoice.core.engine import BillsBy, SessionConfig
from agentvoice.core.ports import SpeechEngine, SpeechSession
from agentvoice.core.speech import (
    SessionReady,
)
from agentvoice.errors import EngineUnavailable
from tests.fakes.clock import ManualClock
from tests.fakes.session_probe import config
from tests.fakes.stages import ScriptedLlm, ScriptedModels, ScriptedStt


def engine_of() -> tuple[LocalEngine, ScriptedModels]:
    models = ScriptedModels(ScriptedStt("Hi."), ScriptedLlm(["Hi."]))
    return LocalEngine(models, LocalEngineSettings(), ManualClock()), models


async def test_an_opened_session_is_ready():
    """The models are loaded once it is open, and its first event says so."""
    engine, models = engine_of()
    port: SpeechEngine = engine
    session: SpeechSession = await port.open(config())
    assert isinstance(await anext(session.events()), SessionReady)
    assert models.starts == 1
    assert session.capabilities == port.capabilities
    await session.close()
    await engine.close()
    assert models.is_closed


async def test_missing_parts_are_said_before_anything_is_loaded():
    """Without its models the engine is unavailable at once."""
    engine, models = engine_of()
    models.failure = EngineUnavailable("model x is not installed")
    with pytest.raises(EngineUnavailable, match="model x"):
        await engine.open(config())
    assert models.starts == 0


async def test_agents_on_endpoints_need_no_worker():
    """With all three stages behind HTTP no model is loaded here."""
    engine, models = engine_of()
    stage = StageSettings("m", "http://127.0.0.1:1/v1")
    base = config()
    local = replace(base.agent.local, stt=stage, llm=stage, tts=stage)
    session = await engine.open(SessionConfig(replace(base.agent, local=local), ""))
    assert models.starts == 0
    await session.close()


def test_what_the_engine_can_change():
    """All of an agent can change in place, so every local handover is one."""
    engine, _ = engine_of()
    can = engine.capabilities
    assert engine.name == "local"
    assert (can.voice_fixed_after_audio, can.model_fixed, can.instructions_mutable) == (False, False, True)
    assert can.server_turn_taking and can.tools and can.aligned_transcript
    assert can.bills_by is BillsBy.NOTHING


async def test_a_check_looks_without_loading():
    """A missing part is found before anybody calls; nothing is started for it."""
    engine, models = engine_of()
    await engine.check()
    models.failure = EngineUnavailable("model x is not installed")
    with pytest.raises(EngineUnavailable, match="model x"):
        await engine.check()
    assert models.starts == 0
