"""What tests of replaced sessions do and look at."""

from __future__ import annotations

import asyncio

from agentvoice.core.item import ItemKind, Role
from agentvoice.services.call_manager import CallOutcome
from tests.services.conftest import House


def notices(house: House, call_id: str) -> list[str]:
    return [item.text for item in house.items(call_id) if item.kind is ItemKind.NOTICE]


def said(house: House, call_id: str) -> list[tuple[Role, str]]:
    return [(item.role, item.text) for item in house.items(call_id) if item.kind is ItemKind.MESSAGE]


async def say(house: House, response: str, text: str) -> None:
    """The agent says something, and is heard to its end."""
    house.session.emit_reply(response, text, 10)
    await house.settle()
    house.leg.hear_all()
    await house.settle()


async def hang_up(house: House, call: asyncio.Task[CallOutcome]) -> str:
    return (await house.hang_up(call)).call_id
