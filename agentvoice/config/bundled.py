"""Folders that travel with the package: migrations, default configuration, the demo's recording."""

from __future__ import annotations

from pathlib import Path

import agentvoice


def bundled_folder(name: str) -> Path:
    """Return the folder `name`: inside the installed package, else at the top of the checkout."""
    package = Path(agentvoice.__file__).parent
    installed = package / "_bundled" / name
    return installed if installed.is_dir() else package.parent / name
