from dataclasses import replace

import pytest

from agentvoice.core.agent import (
    AgentProfile,
    LocalSettings,
    StageSettings,
    check_agent,
)
from agentvoice.core.openai_settings import OpenAISettings
from agentvoice.core.tool import AgentTools
from agentvoice.errors import UsageError

ADA = AgentProfile(slug="ada", name="Ada", aliases=("Adele",), handover_to=("max",))


def local(**settings):
    return {"local": LocalSettings(**settings)}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"engines": ("openai", "local")},
        {"name": "Zoë \U0001f469\u200d\U0001f680", "aliases": ("می\u200cخواهم",)},
        local(llm=StageSettings(url="http://127.0.0.1:1/v1", api_key="env:LLM_KEY")),
    ],
)
def test_usable_agents_are_taken(change):
    """The defaults and each kind of setting inside its range."""
    check_agent(replace(ADA, **change))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Ada!"}, "slug"),
        ({"slug": "a" * 41}, "slug"),
        ({"name": "  "}, "name"),
        ({"name": "Ada\x1b[2J"}, "name"),
        ({"name": "Ada\u202eevil"}, "name"),
        ({"aliases": ("Ada\nMax",)}, "aliases"),
        ({"aliases": ("x",) * 17}, "aliases"),
        ({"aliases": ("",)}, "aliases"),
        ({"instructions": "x" * 32_001}, "instructions"),
        ({"greeting": "x" * 1_001}, "greeting"),
        ({"picture": "http://a.example/a.png"}, "picture"),
        ({"picture": "https://a.example/\n"}, "picture"),
        ({"picture": "https://a.example/" + "x" * 500}, "picture"),
        ({"engines": ()}, "engines"),
        ({"engines": ("telepathy",)}, "engines"),
        ({"engines": ("local", "local")}, "engines"),
        ({"handover_to": ("Max!",)}, "handover_to"),
        ({"openai": OpenAISettings(voice="")}, "openai.voice"),
        (local(vad_threshold=1.0), "local.vad_threshold"),
        (local(silence_ms=50), "local.silence_ms"),
        (local(stt=StageSettings(url="ftp://x")), "local.stt.url"),
        (local(stt=StageSettings(url="https://me:secret@x/v1")), "local.stt.url"),
        (local(tts=StageSettings(api_key="not-a-reference")), "local.tts.api_key"),
        ({"tools": AgentTools(builtin=("fly",))}, "tools.builtin"),
    ],
)
def test_unusable_agents_are_refused_by_field(change, field):
    """The error names the field, what was got and what is wanted."""
    with pytest.raises(UsageError, match=rf"^{field.replace('.', '[.]')}: got .* want "):
        check_agent(replace(ADA, **change))


def test_a_reference_in_the_wrong_place_is_not_repeated():
    """What stands where a reference should may be the key itself."""
    with pytest.raises(UsageError) as refused:
        check_agent(replace(ADA, **local(stt=StageSettings(api_key="looks-like-a-key"))))
    assert "looks-like-a-key" not in str(refused.value)


def test_a_profile_gets_its_signing_key():
    """with_pubkey changes nothing else."""
    assert ADA.with_pubkey("f" * 64) == replace(ADA, pubkey="f" * 64)


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://llm.example/v1", True),
        ("http://127.0.0.1:11434/v1", True),
        ("http://localhost/v1", True),
        ("http://llm.example/v1", False),
    ],
)
def test_a_key_goes_in_clear_to_this_machine_only(url: str, is_taken: bool):
    """An api_key over plain http to another machine would show it, and the voice, to whoever listens."""
    agent = replace(ADA, local=LocalSettings(llm=StageSettings(url=url, api_key="env:LLM_KEY")))
    if is_taken:
        check_agent(agent)
    else:
        with pytest.raises(UsageError, match=r"local\.llm\.url: got http:// to another machine"):
            check_agent(agent)
