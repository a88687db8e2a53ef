"""What a caller can order by voice whatever the model understands: rules on the transcript.

Handover ("hand me over to Max") and goodbye; "do not publish this" is in core.spoken_privacy. English
only. A goodbye ends the call, so its rule is narrow: the last clause must be nothing but a goodbye.
What is quoted, reported or negated is no order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentvoice.core.engine import HandoverTarget
from agentvoice.core.spoken_names import name_at, plain_words, words_of
from agentvoice.core.spoken_privacy import asks_not_to_publish

__all__ = ["EndCall", "HandOver", "SpokenCommand", "asks_not_to_publish", "find_command"]

_CLAUSE_END = re.compile(r"[.!?;:,…]+|\s[–—-]+\s|\bbut\b|\band then\b")
_PLEASE_COMMA = re.compile(r", ?please\b|\bplease, ?")
_COMMA_INSIDE = re.compile(r",(?= (?:to|with|over) )")

MAX_CLAUSE_CHARS = 1_000
"""A minute of speech without a stop; an order is given in fewer words, and each is tried as its beginning."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """The caller wants to speak with this agent."""

    slug: str


@dataclass(frozen=True, slots=True)
class EndCall:
    """The caller said goodbye."""


SpokenCommand = HandOver | EndCall


def find_command(
    text: str, targets: Sequence[HandoverTarget], current: HandoverTarget | None = None
) -> SpokenCommand | None:
    """Return what the caller orders with `text`, None if it is for the model.

    `targets`: agents the caller may be handed to; `current`: the agent that listens, to whom nobody
    is handed (its name is also how it is addressed). A handover wins over a goodbye.
    """
    clauses = _clauses(text)
    agents = [*targets, current] if current is not None else list(targets)
    for clause in clauses:
        agent = _asked_for(clause, agents)
        if agent is not None and agent is not current:
            return HandOver(agent.slug)
    return EndCall() if _says_goodbye(text, agents) else None


def _clauses(text: str) -> list[str]:
    plain = _COMMA_INSIDE.sub("", _PLEASE_COMMA.sub(" please ", plain_words(text)))
    parts = (part.strip(" '\"") for part in _CLAUSE_END.split(" ".join(plain.split())))
    return [part for part in parts if 0 < len(part) <= MAX_CLAUSE_CHARS]


# --- handover ---------------------------------------------------------------------------------

_WHOM = r"(?:me|us|(?:the|this|my|our) (?:call|conversation|line|phone))"
_VERB = r"(?:hand|pass|transfer|connect|put|switch|forward|patch|redirect|move|send|bring|take|give|route)"
_DOING = r"(?:handing|passing|transferring|connecting|putting|switching|forwarding|moving|sending)"
_PASSIVE = r"(?:handed|passed|transferred|connected|put|switched|forwarded|patched|redirected|moved|sent)"
_WAY = r"(?:(?:back|on|over|through|across|along|straight|directly|now|please) ?)*"
_WISH = (
    r"(?:(?:can|could|may|might) (?:i|we) (?:please |now |maybe |possibly )?"
    r"|(?:let|get) (?:me|us) (?:now )?|let's |i(?:'d| would| do)? (?:really |rather |now |just )?(?:want|like|love|need|wish|prefer) to "
    r"|i (?:wanna|gotta) |(?:we|i) (?:want|need) to |would like to |want to |i'd rather )"
)
_TO = r"(?:to|with|over to|on to|onto)"

_ORDERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:{_VERB}|{_DOING}) {_WHOM} {_WAY}{_TO} ",
        rf"\b(?:hand|switch|transfer|go|change|pass|put|jump|move) {_WAY}(?:over )?(?:(?:it|this|that) (?:on |over )?)?to ",
        rf"\b(?:be|get|getting) {_PASSIVE} {_WAY}{_TO} ",
        rf"{_WISH}(?:talk|speak|chat|continue|discuss this|have a (?:word|chat|talk)|talk again) {_WAY}(?:to|with) ",
        r"\b(?:give|get|bring|fetch|find|call) (?:me|us) (?:in |on )?",
        r"\bput (?=.* (?:on|through)\b)",
        r"\b(?:bring|get|fetch) (?=.* (?:in|on|here|for me)\b)",
        r"\b(?:can|could|may) (?:i|we) (?:please )?(?:have|get) ",
        r"^(?:please )?(?:over|back|hand ?over|handover|transfer) to ",
        r"\b(?:ask|invite) ",
        r"\bi(?:'d| would) (?:rather |really )?(?:like|have|prefer) (?!to\b)",
        r"\bi (?:really |just )?(?:want|need) (?!to\b)",
    )
)
# Those from the fifth on also begin harmless sentences ("give me Max's number", "I want Max to know"): the name
# must be the clause's last word, but for these.
_LOOSE = frozenset(_ORDERS[4:])
_AFTER_NAME = frozenset(
    "please now instead back again on in here through thanks thank you the line phone then for a moment"
    " if could would mind possible today quickly right away me call to join take over come".split()
)
_BARE_GO = _ORDERS[1]

_NEGATED = re.compile(
    r"\b(?:don't|dont|do not|never|not|no need|without|instead of|rather than|stop|won't|wouldn't|shouldn't|didn't"
    r"|doesn't|isn't|wasn't|can't|cannot|nobody|refuse|avoid|hate)\b"
)
_POLITE_NEGATION = re.compile(
    r"\b(?:why don't (?:you|we)|why not|can't (?:you|i|we)|couldn't (?:you|i|we)|won't you|wouldn't you|don't you"
    r" (?:want|think)|if you don't mind|don't mind|not sure if you can|if it's not)\b"
)
_REPORTED = re.compile(
    r"\b(?:he|she|they|we|it|who|people|someone|somebody|everybody|and|to|you) (?:said|says|told|tells|asked|asks"
    r"|wrote|writes|thought|thinks|heard)\b|\b(?:said|told|asked|wrote) (?:him|her|them|me|us)\b"
    r"|\b(?:yesterday|last (?:time|week|night|month|year)|used to|always|every (?:time|day|week))\b"
)
_NO_ORDER_BEFORE = re.compile(
    r"(?:\b(?:he|she|they|who|that|it|which|did|had|was|were|used to|should (?:i|we))"
    r"|\b(?:if|when|whenever|once|after|before|whether|how|why|what|where) (?:do |does |did |would |to |can )?"
    r"(?:i|you|we|they|he|she)?)$"
)


def _asked_for(clause: str, agents: Sequence[HandoverTarget]) -> HandoverTarget | None:
    """Return the agent that a clause asks for."""
    for order in _ORDERS:
        for match in order.finditer(clause):
            if _is_no_order(clause, match.start()):
                continue
            words = words_of(clause[match.end() :])
            found = name_at(words, agents)
            if found is None:
                continue
            agent, used = found
            if order in _LOOSE and not set(words[used:]) <= _AFTER_NAME:
                continue
            if order is _BARE_GO and not _begins_an_order(clause[: match.start()], agents):
                continue
            return agent
    return _only_named(clause, agents)


def _is_no_order(clause: str, start: int) -> bool:
    before = _POLITE_NEGATION.sub(" ", clause[:start])
    if _NEGATED.search(before) or _REPORTED.search(clause):
        return True
    return bool(_NO_ORDER_BEFORE.search(before.rstrip()))


_ORDER_BEGINNING = re.compile(
    r"(?:please|now|ok|okay|well|so|then|and|just|yes|yeah|hey|hi|hello|all|right|alright|great|fine|good|thanks|thank"
    r"|you|um|uh|oh|can|could|would|will|i|want|like|need|to|we|let|me|us|let's|lets|d|s|go|ahead|why|don't|should|may"
    r"|i'd|'d|maybe|actually|sure|do|it|no|sorry|time|for|prefer|wanna|gonna)"
)


def _begins_an_order(before: str, agents: Sequence[HandoverTarget]) -> bool:
    """Whether nothing but polite words and a name stand before the verb."""
    words = before.split()
    return all(_ORDER_BEGINNING.fullmatch(word) or name_at([word], agents) for word in words)


_PLEASE_ONLY = re.compile(r"(?:please (?P<after>.+)|(?P<before>.+) please)")


def _only_named(clause: str, agents: Sequence[HandoverTarget]) -> HandoverTarget | None:
    """Return the agent of "Max please"."""
    match = _PLEASE_ONLY.fullmatch(clause)
    if match is None:
        return None
    words = words_of(match["after"] or match["before"])
    found = name_at(words, agents)
    return found[0] if found is not None and found[1] == len(words) else None


# --- goodbye ----------------------------------------------------------------------------------

_GOODBYE = (
    r"(?:good ?-?bye+s?|bye+(?:[ -]bye+)*|so long|farewell|cheerio|ciao"
    r"|(?:i'll |i will )?(?:see|talk to|speak to|catch) (?:you|ya)(?: (?:later|soon|tomorrow|around|again|then|next"
    r" (?:time|week)))?)"
)
# "See you later" alone may be said in passing; with these it ends the call only beside a real one.
_REAL_GOODBYE = re.compile(r"\b(?:good ?-?bye+s?|bye+(?:[ -]bye+)*|farewell|cheerio|ciao|so long)\b")
_HANG_UP = (
    r"(?:(?:you (?:can|may|could|should)|let's|let us|can you|could you|can we|could we|we can|please|i want to"
    r"|i'd like to|i would like to|i'm going to|i am going to|i'll|i will|i have to|i need to|it's time to|time to"
    r"|just|go ahead and|now) )*"
    r"(?:hang up|end (?:this|the|our|my) (?:call|conversation)|finish (?:this|the|our) call|disconnect(?: (?:me|the call))?"
    r"|close the call|terminate (?:this|the) call|hang up (?:the )?(?:phone|call))"
)
_POLITE = (
    r"(?:thank you|thanks|thank|thx|cheers|great|perfect|excellent|wonderful|lovely|super|ok|okay|alright|all right|right"
    r"|well|so|and|then|now|um|uh|oh|yes|yeah|no|nope|fine|cool|good|very|much|a lot|a bunch|again|for now|for today"
    r"|for (?:your|the|all(?: your| the)?|everything|this)(?: (?:help|time|support|advice|information|info|chat|call))*"
    r"|(?:i've|i have|i)? ?(?:got to|gotta|have to|need to|must|should) (?:go|run|leave)(?: now)?"
    r"|(?:that's|that is|that was|that'll be|that will be) (?:all|it|everything)(?: (?:i|we) (?:need|needed|wanted|have))?"
    r"|(?:i'm|i am|we're|we are) (?:done|finished|leaving|off)|nothing else|no more questions"
    r"|(?:have|enjoy|you have) (?:a|an|your|the) (?:rest of (?:your|the) )?(?:very )?(?:nice|good|great|lovely|wonderful)? ?"
    r"(?:day|evening|night|afternoon|weekend|one|time|morning)(?: too)?"
    r"|take care|good night|nice talking to you|it was nice (?:talking|speaking) (?:to|with) you|you too"
    r"|everyone|everybody|all|guys|folks|please|my friend|dear|for the moment|later|soon|so much)"
)
_GOODBYE_CLAUSE = re.compile(
    rf"(?:{_POLITE} |{_HANG_UP} )*(?:{_GOODBYE}|{_HANG_UP})(?: (?:{_POLITE}|{_GOODBYE}))*"
)
_GOODBYE_WORD = re.compile(rf"{_GOODBYE}|{_POLITE}|later|bye|see|you")
# Recognition may leave all stops out: thanks at the beginning, goodbye at the end.
_THANKS_AND_GOODBYE = re.compile(
    rf"(?:{_POLITE} )*?(?:thanks|thank you)(?: [\w']+){{1,12}} {_GOODBYE}(?: (?:{_POLITE}|{_GOODBYE}))*"
)
_SPEAKS_OF_WORDS = re.compile(
    r"\b(?:say|said|says|saying|tell|told|words?|means?|not|don't|never|how|what|why|when)\b"
)
_CLOSING_CLAUSE = re.compile(rf"(?:{_POLITE})(?: {_POLITE})*")
_LEADS_IN = re.compile(
    r"\b(?:say|says|said|saying|tell|tells|told|goes|called|titled|spell|spelled|write|wrote|word|words|phrase|song|is|was"
    r"|means?|to|the|a|an|about|than|like|not|don't|never)$"
)
_SENTENCE = re.compile(r"[^.!?;:,…]+[.!?;:,…]*")


MAX_GOODBYE_WORDS = 24
"""Longer clauses are no goodbye; it also bounds the work of matching."""


def _says_goodbye(text: str, agents: Sequence[HandoverTarget]) -> bool:
    """Whether the utterance ends with a clause that is nothing but a goodbye."""
    clauses = [
        match.group().strip()
        for match in _SENTENCE.finditer(plain_words(text))
        if match.group().strip(" .,!?;:…")
    ]
    while clauses:
        last = clauses.pop()
        if len(last) > MAX_CLAUSE_CHARS:
            return False
        words = _without_names(last.rstrip(" .,!?;:…"), agents)
        before = clauses[-1].rstrip(" .,!?;:…") if clauses else ""
        if words and _is_goodbye(words):
            is_asked = last.endswith("?") and not re.search(_HANG_UP, words)
            is_real = bool(_REAL_GOODBYE.search(words) or re.search(_HANG_UP, words))
            if is_real:
                return not is_asked and not _LEADS_IN.search(before)
        elif words.count(" ") >= MAX_GOODBYE_WORDS or (words and not _CLOSING_CLAUSE.fullmatch(words)):
            return False  # something else was said last
    return False


def _is_goodbye(words: str) -> bool:
    if words.count(" ") >= MAX_GOODBYE_WORDS:
        return False
    if _GOODBYE_CLAUSE.fullmatch(words):
        return True
    return bool(_THANKS_AND_GOODBYE.fullmatch(words)) and not _SPEAKS_OF_WORDS.search(words)


def _without_names(clause: str, agents: Sequence[HandoverTarget]) -> str:
    words = clause.split()
    kept = [word for word in words if _GOODBYE_WORD.fullmatch(word) or name_at([word], agents) is None]
    return " ".join(kept)
