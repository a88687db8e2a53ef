"""`agentvoice model`: the local engine's models."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import note, table

if TYPE_CHECKING:
    from pathlib import Path

    from agentvoice.adapters.local_speech.catalog import Model
    from agentvoice.adapters.local_speech.model_fetch import Progress
    from agentvoice.adapters.local_speech.model_store import ModelStore
    from agentvoice.config import Settings

BYTES_PER_MB = 1_000_000


@click.group(cls=LazyGroup)
def model() -> None:
    """Install the local engine's models."""


@model.command("list")
@pass_invocation
def list_models(invocation: Invocation) -> None:
    """Show the models there are, and which are installed."""
    known = _store(invocation).list()
    documents = [_document(stored.model, stored.is_installed, stored.path) for stored in known]
    rows = [
        (
            stored.model.name,
            stored.model.stage,
            "yes" if stored.is_installed else "no",
            f"{stored.model.size_bytes / BYTES_PER_MB:.0f} MB",
            stored.model.licence,
            stored.model.about,
        )
        for stored in known
    ]
    text = table(("name", "stage", "installed", "size", "licence", "about"), rows, empty="none")
    invocation.answer({"models": documents}, text)


@model.command()
@click.argument("name")
@pass_invocation
def install(invocation: Invocation, name: str) -> None:
    """Fetch a model and check it by its hash; a broken download is resumed."""
    from agentvoice.adapters.local_speech.catalog import find_model
    from agentvoice.adapters.local_speech.model_fetch import install_model
    from agentvoice.adapters.system_clock import SystemClock

    wanted = find_model(name)
    store = _store(invocation)
    path = asyncio.run(install_model(store, wanted, SystemClock(), show_progress(wanted)))
    where = f"installed in {path}" if path else f"part of the package {wanted.package}"
    invocation.answer(_document(wanted, True, path), f"{name}: {where}")


@model.command()
@click.argument("name")
@pass_invocation
def remove(invocation: Invocation, name: str) -> None:
    """Delete a fetched model."""
    from agentvoice.adapters.local_speech.catalog import find_model

    unwanted = find_model(name)
    _store(invocation).remove(unwanted)
    invocation.answer(_document(unwanted, False, None), f"{name}: removed")


def ensure_models(settings: Settings) -> None:
    """Fetch the models that the settings name and that are not here, telling it on stderr.

    Raises EngineUnavailable, a TransportError or StorageRefused.
    """
    from pathlib import Path

    from agentvoice.adapters.local_speech.model_fetch import ensure_models as fetch_missing
    from agentvoice.adapters.local_speech.model_store import ModelStore
    from agentvoice.adapters.system_clock import SystemClock

    local = settings.engines.local
    store = ModelStore(Path(settings.home) / "models")
    asyncio.run(fetch_missing(store, [local.stt, local.llm, local.tts], SystemClock(), show_progress))


def show_progress(fetched: Model) -> Progress:
    """Return what shows a fetch on stderr: a bar on a terminal, else one line."""
    title = f"fetching {fetched.name} ({fetched.size_bytes / BYTES_PER_MB:.0f} MB, {fetched.licence})"
    bar: Any = None

    def progress(done_bytes: int, total_bytes: int) -> None:
        nonlocal bar
        if bar is None:
            if not sys.stderr.isatty():
                note(title)
            bar = click.progressbar(
                length=total_bytes, label=title, file=sys.stderr, hidden=not sys.stderr.isatty()
            )
        bar.update(done_bytes - bar.pos)
        if done_bytes >= total_bytes:
            bar.render_finish()

    return progress


def _store(invocation: Invocation) -> ModelStore:
    from pathlib import Path

    from agentvoice.adapters.local_speech.model_store import ModelStore

    return ModelStore(Path(invocation.settings.home) / "models")


def _document(shown: Model, is_installed: bool, path: Path | None) -> dict[str, object]:
    return {
        "name": shown.name,
        "stage": shown.stage,
        "licence": shown.licence,
        "size_bytes": shown.size_bytes,
        "sha256": shown.sha256 or None,
        "package": shown.package or None,
        "installed": is_installed,
        "path": str(path) if path else None,
    }
