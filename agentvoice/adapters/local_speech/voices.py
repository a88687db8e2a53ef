"""The voices of the local engine.

The speech model brings one voice. Others are made from it: spoken slower or faster by 1/`pitch`,
then resampled by `pitch`, which moves pitch and formants together and keeps the pace. Between 0.8
and 1.25 the speech stays as intelligible as the original.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentvoice.errors import UsageError

MIN_PITCH = 0.8
MAX_PITCH = 1.25


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice: `pitch` is the factor by which it is higher than the model's own."""

    name: str
    pitch: float


VOICES = {
    voice.name: voice
    for voice in (
        Voice("hibari", 1.0),
        Voice("hibari-low", 0.82),
        Voice("hibari-high", 1.2),
        Voice("hibari-warm", 0.91),
        Voice("hibari-bright", 1.1),
    )
}
"""In order of preference: neighbours in the list are far from each other in pitch."""

DEFAULT_VOICE = "hibari"


def find_voice(name: str) -> Voice:
    """Return the voice of that name, the default one for ""; raises UsageError naming those there are."""
    voice = VOICES.get(name or DEFAULT_VOICE)
    if voice is None:
        raise UsageError(f"local.voice: got {name!r}, want one of {', '.join(VOICES)}")
    return voice
