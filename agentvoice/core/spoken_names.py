"""Finding an agent by its spoken name in a transcript, which may spell it otherwise.

Speech recognition writes names by ear ("macks", "Eda"). Names are compared by a key of how they
sound: consonants by class, vowels alike. Exact spelling wins over sound, sound over similarity; a
name that could be two agents is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from agentvoice.core.engine import HandoverTarget

FUZZY_MIN_CHARS = 5
"""Shorter names have too many neighbours to allow a wrong letter."""
FUZZY_TWO_ERRORS_CHARS = 8
MAX_NAME_WORDS = 4

_FILLERS = frozenset(
    "the a an my your our that this agent assistant colleague friend guy lady mr mrs miss mister called named"
    " other one please uh um er to with old dear good him her".split()
)
_NOT_A_NAME = frozenset(
    "me you him her it them us this that the a an i we he she they there here is and or of for to with in on"
    " now please then back over yes no ok okay so".split()
)
_SOUNDS = (  # (spelling, class), tried in order
    (re.compile(r"^(?:kn|gn)"), "n"),
    (re.compile(r"^wr"), "r"),
    (re.compile(r"tch|ch|sh"), "S"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"ck|q"), "k"),
    (re.compile(r"x|cks|ks|cs"), "ks"),
    (re.compile(r"c(?=[eiy])|z"), "s"),
    (re.compile(r"c"), "k"),
    (re.compile(r"w?h"), ""),
)
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT_R = re.compile(r"(?<=[aeiouy])r(?![aeiouy])")  # British: "Marks" is heard as "Max"
_DOUBLED = re.compile(r"([a-zA-Z])\1+")
_WORD = re.compile(r"[^\W_]+")


_QUOTED = re.compile(r"[\"“„«][^\"”“»]*[\"”“»]")


def plain_words(text: str) -> str:
    """Return `text` in small letters with straight apostrophes, single spaces and no quotations."""
    text = text.lower().replace("’", "'").replace("‘", "'")
    return " ".join(_QUOTED.sub(" ", text).split())


def words_of(text: str) -> list[str]:
    """Return the words of `text` in small letters; possessive and joined spellings are parted."""
    return _WORD.findall(text.lower().replace("'s", "s").replace("’s", "s"))


def sound_of(name: str) -> str:
    """Return how `name` sounds: names of equal keys are heard as one."""
    key = "".join(words_of(name))
    key = _DOUBLED.sub(r"\1", _SILENT_R.sub("", key))
    for spelling, sound in _SOUNDS:
        key = spelling.sub(sound, key)
    key = _DOUBLED.sub(r"\1", _VOWELS.sub("a", key))
    return key


class Likeness(IntEnum):
    """How sure a name is; smaller is surer."""

    EXACT = 0
    SOUND = 1
    SIMILAR = 2


def likeness(heard: str, name: str) -> Likeness | None:
    """Return how like `name` the heard words are, None if they are another name."""
    heard_letters, name_letters = "".join(words_of(heard)), "".join(words_of(name))
    if not heard_letters or not name_letters:
        return None
    if heard_letters == name_letters:
        return Likeness.EXACT
    if heard_letters in _NOT_A_NAME:
        return None
    if sound_of(heard) == sound_of(name):
        return Likeness.SOUND
    if len(name_letters) >= FUZZY_MIN_CHARS:
        allowed = 2 if len(name_letters) >= FUZZY_TWO_ERRORS_CHARS else 1
        if edit_distance(heard_letters, name_letters) <= allowed:
            return Likeness.SIMILAR
    return None


def edit_distance(one: str, other: str) -> int:
    """Return the Levenshtein distance of two short words."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]


def name_at(words: Sequence[str], agents: Sequence[HandoverTarget]) -> tuple[HandoverTarget, int] | None:
    """Return the agent that `words` begin with (after words like "the agent") and the words used.

    None if they begin with nobody's name, or with one that two agents could have.
    """
    skipped = 0
    while True:
        found = _name_here(words[skipped : skipped + MAX_NAME_WORDS], agents)
        if found is not None:
            agent, used = found
            return (agent, skipped + used) if agent is not None else None
        if skipped >= len(words) or words[skipped] not in _FILLERS:
            return None
        skipped += 1


def _name_here(
    words: Sequence[str], agents: Sequence[HandoverTarget]
) -> tuple[HandoverTarget | None, int] | None:
    """Return the agent named by the first words (None: it could be two), or None for no name."""
    best: dict[str, tuple[Likeness, int, HandoverTarget]] = {}
    for agent in agents:
        for name in {agent.name, agent.slug.replace("-", " ").replace("_", " "), *agent.aliases}:
            for used in range(1, len(words) + 1):
                alike = likeness(" ".join(words[:used]), name)
                if alike is not None:
                    candidate = (alike, -used, agent)
                    known = best.get(agent.slug)
                    if known is None or candidate[:2] < known[:2]:
                        best[agent.slug] = candidate
    if not best:
        return None
    first, *others = sorted(best.values(), key=lambda candidate: candidate[:2])
    if others and others[0][0] == first[0]:
        return (None, -first[1])
    return (first[2], -first[1])
