"""The table of models: each has what its stage and its check need."""

from __future__ import annotations

import re

import pytest

from agentvoice.adapters.local_speech.catalog import MODELS, Stage, WebSource, WheelSource, find_model
from agentvoice.config import LocalEngineSettings
from agentvoice.errors import NotFound


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_in_a_package_or_can_be_fetched_and_checked(name):
    """What is fetched has a size, a sha256 and an https address or a hashed wheel."""
    model = MODELS[name]
    assert model.name == name
    assert model.licence
    assert model.size_bytes > 1_000_000
    assert bool(model.package) != bool(model.sources)
    if model.sources:
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    for source in model.sources:
        match source:
            case WheelSource():
                assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", source.requirement)
                assert re.fullmatch(r"[0-9a-f]{64}", source.sha256)
            case WebSource():
                assert source.url.startswith("https://")


def test_the_settings_defaults_are_known_models():
    """Each default is a model of its stage."""
    settings = LocalEngineSettings()
    assert find_model(settings.stt).stage is Stage.STT
    assert find_model(settings.llm).stage is Stage.LLM
    assert find_model(settings.tts).stage is Stage.TTS


def test_an_unknown_model_is_not_found():
    """The error lists what there is."""
    with pytest.raises(NotFound, match=r"model gpt-9: not known; known are moonshine-tiny-en, hibari"):
        find_model("gpt-9")
