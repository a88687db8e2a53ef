from __future__ import annotations

import dataclasses
import inspect
from typing import get_args

import pytest

from agentvoice.core import speech
from agentvoice.core.speech import CancelResponse, ItemDone, Respond, SessionError, SpeechCommand, SpeechEvent

WORDS = [
    value
    for name, value in vars(speech).items()
    if inspect.isclass(value) and value.__module__ == speech.__name__ and dataclasses.is_dataclass(value)
]
COMMANDS, EVENTS = get_args(SpeechCommand), get_args(SpeechEvent)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.__name__)
def test_each_word_is_a_command_or_an_event(word: type):
    """What a session is told and what it tells are two sets: nothing is in both, nothing is left out."""
    assert (word in COMMANDS) != (word in EVENTS)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.__name__)
def test_words_never_change(word: type):
    """A command or event may be kept and compared: it is frozen and has no room for more."""
    assert word.__dataclass_params__.frozen  # type: ignore[attr-defined]  # all of them are dataclasses
    assert "__dict__" not in dir(word)


def test_the_plain_forms_mean_the_usual_thing():
    """Without more words: a reply of the model's own, whichever reply is active, the text as it came."""
    assert Respond().say == ""
    assert CancelResponse().response == ""
    assert ItemDone("a").text is None


@pytest.mark.parametrize(
    ("command", "is_retried", "may_end"),
    [("", False, True), ("Respond", False, True), ("CreateItem", False, False), ("Respond", True, False)],
)
def test_an_error_of_another_command_says_nothing_of_a_reply(command: str, is_retried: bool, may_end: bool):
    """Only a request for a reply that was refused for good, or an error of unknown cause, may end it."""
    error = SessionError("invalid_value", "sorry", command=command, is_retried=is_retried)
    assert error.may_end_reply is may_end
