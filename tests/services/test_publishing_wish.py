from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentvoice.core.call import Call, CallState
from agentvoice.core.leg import (
    CallerText,
    DoNotPublishPressed,
    HungUp,
    InterruptPressed,
    PublishingChanged,
)
from agentvoice.core.project import PublishPolicy
from agentvoice.services.publishing_wish import NOTICE_NOT_PUBLISHED, PublishingWish
from tests.fakes.caller_leg import FakeLeg
from tests.services.conftest import PROJECT

CALL = Call(
    "0190" * 8,
    "home",
    "ada",
    "text",
    "local",
    CallState.LIVE,
    PublishPolicy.REVIEW,
    ("embedded",),
    "me",
    0,
    0,
)


class Scene:
    """A wish, with what was stored and told because of it."""

    def __init__(self, call: Call = CALL) -> None:
        self.leg = FakeLeg()
        self.stored = 0
        self.notices: list[str] = []
        record: Any = self  # its one method that a wish needs
        self.wish = PublishingWish(call, PROJECT, self.leg, record, self.notices.append)

    def do_not_publish(self) -> None:
        self.stored += 1

    def hear(self, *texts: str) -> None:
        for text in texts:
            self.wish.heard(text)


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_the_caller_sees_what_will_be_published_where(scene: Scene):
    """The call's own policy and the project's relays are shown."""
    scene.wish.show()
    assert scene.leg.shown == [PublishingChanged("review", ("embedded",))]


async def test_the_token_of_a_relay_is_not_shown():
    """It is the operator's; where the thread goes is seen without it."""
    scene = Scene(replace(CALL, relays=("wss://relay.example/x?token=secret",)))
    scene.wish.show()
    assert scene.leg.shown == [PublishingChanged("review", ("wss://relay.example/x",))]


async def test_the_wish_is_stored_told_and_shown(scene: Scene):
    """All of it at once, when the words were understood."""
    scene.hear("What time is it?", "Please do not publish this.")
    assert (scene.stored, scene.notices) == (1, [NOTICE_NOT_PUBLISHED])
    assert scene.leg.shown == [PublishingChanged("review", ("embedded",), refused=True)]


async def test_nothing_said_later_takes_it_back(scene: Scene):
    """Neither the opposite nor a repetition changes anything."""
    scene.hear("Do not publish this.", "Now publish this.", "Do not publish this.")
    scene.wish.refuse()
    assert (scene.stored, len(scene.notices), len(scene.leg.shown)) == (1, 1, 1)


async def test_a_call_that_began_unpublished_stays_so():
    """What was refused before is not told anew."""
    scene = Scene(replace(CALL, do_not_publish=True))
    scene.hear("Do not publish this.")
    scene.wish.show()
    assert (scene.stored, scene.notices) == (0, [])
    assert scene.leg.shown == [PublishingChanged("review", ("embedded",), refused=True)]


async def test_while_the_call_closes_a_wish_alone_counts(scene: Scene):
    """Pressed or typed; sound, other words and a second hang-up are for nobody any more."""
    for event in (HungUp(), CallerText("One more thing"), InterruptPressed()):
        scene.wish.late(event)
    assert (scene.stored, scene.notices) == (0, [])
    scene.wish.late(CallerText("Don't publish this!"))
    scene.wish.late(DoNotPublishPressed())
    assert (scene.stored, scene.notices) == (1, [NOTICE_NOT_PUBLISHED])


async def test_pressed_while_the_call_closes(scene: Scene):
    """The button is enough."""
    scene.wish.late(DoNotPublishPressed())
    assert scene.stored == 1
