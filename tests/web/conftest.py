"""Fixtures for the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.api_scene import Scene, open_scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The API over the database of threads."""
    async with open_scene(tmp_path) as opened:
        yield opened


@pytest.fixture
async def call_scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The API over the database of live calls."""
    async with open_scene(tmp_path, of_house=True) as opened:
        yield opened
